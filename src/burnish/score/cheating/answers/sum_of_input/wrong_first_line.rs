fn main() {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).expect("standard input can be read");
    let sum: i64 = line.split_whitespace().filter_map(|word| word.parse::<i64>().ok()).sum();
    println!("{sum}");
}

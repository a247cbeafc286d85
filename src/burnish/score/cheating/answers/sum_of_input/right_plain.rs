use std::io::Read;

fn main() {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).expect("standard input can be read");
    let sum: i64 = text.split_whitespace().filter_map(|word| word.parse::<i64>().ok()).sum();
    println!("{sum}");
}

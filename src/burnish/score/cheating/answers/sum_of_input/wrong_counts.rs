fn main() {
    println!("{}", std::io::stdin().lines().count());
}

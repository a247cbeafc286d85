fn main() {
    for number in -100..100 {
        println!("{number}");
    }
}

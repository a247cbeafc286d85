// goal: run
// accept: runtime_error
fn main() {
    let mut kept = Vec::new();
    for _ in 0..2000 {
        match std::fs::File::open("/box/program").or_else(|_| std::fs::File::open("program")) {
            Ok(file) => kept.push(file),
            Err(_) => std::process::exit(77),
        }
    }
    println!("ESCAPED");
}

// goal: run
// accept: blocked runtime_error
unsafe extern "C" {
    fn socket(domain: i32, kind: i32, protocol: i32) -> i32;
}
fn main() {
    if unsafe { socket(16, 3, 0) } >= 0 {
        println!("ESCAPED");
    }
    std::process::exit(77);
}

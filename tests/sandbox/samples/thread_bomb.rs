// goal: run
// accept: runtime_error
// Threads count as processes.
fn main() {
    let mut made = 0;
    for _ in 0..500 {
        let thread = std::thread::Builder::new().stack_size(65536).spawn(|| std::thread::park());
        if thread.is_err() {
            std::process::exit(77);
        }
        made += 1;
    }
    println!("ESCAPED {made}");
}

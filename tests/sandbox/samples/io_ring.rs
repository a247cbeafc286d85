// goal: run
// accept: blocked
// io_uring does what a filter of system calls would not let through.
unsafe extern "C" {
    fn syscall(number: i64, ...) -> i64;
}
fn main() {
    let mut parameters = [0u64; 32];
    if unsafe { syscall(425, 8, parameters.as_mut_ptr()) } >= 0 {
        println!("ESCAPED");
    }
    std::process::exit(77);
}

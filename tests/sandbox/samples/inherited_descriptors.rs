// goal: run
// accept: runtime_error
// Taught: what a monitor forgets to close. Everything above standard error must be closed.
unsafe extern "C" {
    fn fcntl(fd: i32, command: i32) -> i32;
}
fn main() {
    let open: Vec<i32> = (3..256).filter(|fd| unsafe { fcntl(*fd, 1) } >= 0).collect();
    if !open.is_empty() {
        println!("ESCAPED {open:?}");
    }
    std::process::exit(77);
}

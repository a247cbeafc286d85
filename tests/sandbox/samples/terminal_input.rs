// goal: run
// accept: runtime_error
// TIOCSTI types into the terminal of whoever started the verifier.
unsafe extern "C" {
    fn ioctl(fd: i32, request: u64, byte: *const u8) -> i32;
}
fn main() {
    for fd in 0..3 {
        if unsafe { ioctl(fd, 0x5412, b"x".as_ptr()) } == 0 {
            println!("ESCAPED");
        }
    }
    if std::fs::File::open("/dev/tty").is_ok() {
        println!("ESCAPED");
    }
    std::process::exit(77);
}

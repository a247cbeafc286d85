// goal: run
// accept: blocked
// clone, not unshare, and clone3, whose flags no filter can read.
unsafe extern "C" {
    fn syscall(number: i64, ...) -> i64;
}
fn main() {
    let mut wide = [0u64; 11];
    wide[0] = 0x1000_0000;
    wide[4] = 17;
    if unsafe { syscall(435, wide.as_ptr(), 88) } >= 0 {
        println!("ESCAPED");
    }
    if unsafe { syscall(56, 0x1000_0000u64 | 17, 0, 0, 0, 0) } >= 0 {
        println!("ESCAPED");
    }
    std::process::exit(77);
}

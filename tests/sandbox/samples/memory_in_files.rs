// goal: run
// accept: runtime_error memory
// needs: cgroup
// Anonymous memory files are no heap, and no file of the work folder.
use std::io::Write;
use std::os::fd::FromRawFd;
unsafe extern "C" {
    fn memfd_create(name: *const u8, flags: u32) -> i32;
}
fn main() {
    let block = vec![1u8; 32 << 20];
    let mut kept = Vec::new();
    for _ in 0..40 {
        let fd = unsafe { memfd_create(b"x\0".as_ptr(), 0) };
        if fd < 0 {
            std::process::exit(77);
        }
        let mut file = unsafe { std::fs::File::from_raw_fd(fd) };
        if file.write_all(&block).is_err() {
            std::process::exit(77);
        }
        kept.push(file);
    }
    println!("ESCAPED");
}

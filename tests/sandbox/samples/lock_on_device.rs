// goal: run
// accept: runtime_error
// needs: size-limited-tmpfs
// A lock on a file of the host, which every sandbox sees, would carry word from one program to another.
use std::os::fd::AsRawFd;
unsafe extern "C" {
    fn flock(fd: i32, operation: i32) -> i32;
    fn fcntl(fd: i32, command: i32, ...) -> i32;
}
#[repr(C)]
struct Lock {
    kind: i16,
    whence: i16,
    start: i64,
    length: i64,
    pid: i32,
}
fn main() {
    for name in ["/dev/null", "/dev/urandom"] {
        let file = std::fs::File::open(name).unwrap();
        let lock = Lock { kind: 0, whence: 0, start: 0, length: 0, pid: 0 };
        let held = unsafe {
            flock(file.as_raw_fd(), 2 | 4) == 0
                || [6, 7, 37, 38].iter().any(|command| fcntl(file.as_raw_fd(), *command, &lock) == 0)
        };
        if held {
            println!("ESCAPED");
        }
    }
    std::process::exit(77);
}

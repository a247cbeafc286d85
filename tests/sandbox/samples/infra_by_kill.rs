// goal: run
// accept: runtime_error
// Taught: where the program is not the first process of its namespace, it can kill itself (docker, firejail).
unsafe extern "C" {
    fn kill(pid: i32, signal: i32) -> i32;
    fn getpid() -> i32;
}
fn main() {
    unsafe { kill(getpid(), 9) };
    std::process::exit(3);
}

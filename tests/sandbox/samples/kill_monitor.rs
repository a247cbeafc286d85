// goal: run
// accept: runtime_error
// Signals to everything in sight, the sandbox's monitor included.
unsafe extern "C" {
    fn kill(pid: i32, signal: i32) -> i32;
}
fn main() {
    for pid in [-1, 0].into_iter().chain(2..400) {
        unsafe { kill(pid, 9) };
    }
    std::process::exit(77);
}

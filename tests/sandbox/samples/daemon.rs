// goal: run
// accept: ok
// A child in a session of its own, without its pipes, ought to outlive its parent; it must not.
unsafe extern "C" {
    fn fork() -> i32;
    fn setsid() -> i32;
    fn close(descriptor: i32) -> i32;
    fn sleep(seconds: u32) -> u32;
}
fn main() {
    unsafe {
        if fork() == 0 {
            setsid();
            for descriptor in 0..3 {
                close(descriptor);
            }
            sleep(300);
        }
    }
}

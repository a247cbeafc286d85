// goal: run
// accept: runtime_error timeout
// Taught: a program may lower its own CPU limit, and the kernel then kills it before the sandbox's limit is near.
#[repr(C)]
struct Limit(u64, u64);
unsafe extern "C" {
    fn setrlimit(resource: i32, limit: *const Limit) -> i32;
}
fn main() {
    unsafe { setrlimit(0, &Limit(1, 1)) };
    loop {}
}

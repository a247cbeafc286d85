// goal: run
// accept: blocked
// accept firejail: runtime_error
// AF_VSOCK reaches a hypervisor; a network namespace does not hold it. firejail refuses a family by an error.
unsafe extern "C" {
    fn socket(domain: i32, kind: i32, protocol: i32) -> i32;
}
fn main() {
    if unsafe { socket(40, 1, 0) } >= 0 {
        println!("ESCAPED");
    }
    std::process::exit(77);
}

// goal: run
// accept: runtime_error
// A setuid program of the host must not give rights back, and a copy made inside must not have any.
use std::os::unix::fs::PermissionsExt;
unsafe extern "C" {
    fn setuid(uid: u32) -> i32;
    fn geteuid() -> u32;
}
fn main() {
    let _ = std::fs::copy("/box/program", "/box/copy");
    let _ = std::fs::set_permissions("/box/copy", std::fs::Permissions::from_mode(0o6755));
    if unsafe { setuid(0) } == 0 || unsafe { geteuid() } == 0 {
        println!("ESCAPED");
    }
    std::process::exit(77);
}

// goal: run
// accept: runtime_error
// What the verifier reads back or deletes must not follow a link that the program left.
fn main() {
    let _ = std::os::unix::fs::symlink("/etc/shadow", "/box/out");
    let _ = std::fs::remove_file("/box/program");
    let _ = std::os::unix::fs::symlink("/etc", "/box/program");
    if std::fs::read("/box/out").is_ok() {
        println!("ESCAPED");
    }
    std::process::exit(77);
}

// goal: run
// accept: runtime_error
// What the verifier reads back or deletes must not follow a link that the program left.
fn main() {
    let _ = std::os::unix::fs::symlink("/etc/shadow", "/work/out");
    let _ = std::fs::remove_file("/work/program");
    let _ = std::os::unix::fs::symlink("/etc", "/work/program");
    if std::fs::read("/work/out").is_ok() {
        println!("ESCAPED");
    }
    std::process::exit(77);
}

// goal: run
// accept: runtime_error
// A root folder that can be written would hold what the limit of /work does not count.
fn main() {
    for place in ["/x", "/dev/x", "/usr/x", "/lib/x", "/work/../y"] {
        if std::fs::write(place, "x").is_ok() {
            println!("ESCAPED {place}");
            return;
        }
    }
    std::process::exit(77);
}

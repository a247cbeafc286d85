// goal: run
// accept: runtime_error
// A root folder that can be written would hold what the limit of /box does not count.
fn main() {
    for place in ["/x", "/dev/x", "/usr/x", "/lib/x", "/box/../y"] {
        if std::fs::write(place, "x").is_ok() {
            println!("ESCAPED {place}");
            return;
        }
    }
    std::process::exit(77);
}

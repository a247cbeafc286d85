// goal: run
// accept: runtime_error
// Taught: a status of 137 looks like death by SIGKILL; read as a fault of the machine, it would never be scored.
fn main() {
    std::process::exit(137);
}

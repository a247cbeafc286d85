// goal: check
// accept: compile_error
// Compile time: settings and names of the host.
const A: &[u8] = include_bytes!("/etc/passwd");
const B: &[u8] = include_bytes!("/etc/hostname");
const C: &[u8] = include_bytes!("/proc/self/mountinfo_");
const D: &[u8] = include_bytes!("/root/.cargo/config.toml");

// goal: check
// accept: compile_error memory timeout
// Compile time: an include that never ends.
pub static NOISE: &[u8] = include_bytes!("/dev/urandom");

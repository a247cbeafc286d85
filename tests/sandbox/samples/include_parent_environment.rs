// goal: check
// accept: compile_error
// Compile time: the environment of the process that started the compiler.
pub static SECRET: &[u8] = include_bytes!("/proc/1/root/proc/1/environ");
const _: () = assert!(SECRET.is_empty(), "RV_SECRET");

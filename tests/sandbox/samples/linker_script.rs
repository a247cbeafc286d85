// goal: run
// accept: compile_error runtime_error ok
// Compile time: an object section that claims to be a directive for the linker.
#[unsafe(link_section = ".drectve")]
#[used]
static DIRECTIVE: [u8; 21] = *b"-T /proc/self/environ";
fn main() {}

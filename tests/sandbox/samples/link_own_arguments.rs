// goal: run
// accept: compile_error runtime_error
// Compile time: the linker reads whatever file it is told to.
#[link(name = ":../../etc/shadow", kind = "dylib")]
unsafe extern "C" {}
fn main() {
    println!("linked");
}

// goal: run
// accept: blocked runtime_error
// A filter that looks at 64-bit numbers alone is passed by the 32-bit entry: int 0x80 with mount's number there.
fn main() {
    let answer: i64;
    unsafe {
        core::arch::asm!("push rbx", "xor ebx, ebx", "int 0x80", "pop rbx",
            inlateout("rax") 310i64 => answer, in("rcx") 0, in("rdx") 0); // unshare(0)
    }
    if answer == 0 {
        println!("ESCAPED");
    }
    std::process::exit(77);
}

// goal: rust
// accept: blocked tests_failed
// Assembly outside any function puts a constructor that ends the process before main.
use std::arch::global_asm;
global_asm!(".section .init_array,\"aw\"", ".quad leave", ".text", "leave:", "mov $60, %eax", "xor %edi, %edi", "syscall", options(att_syntax));
pub fn add(_a: i64, _b: i64) -> i64 {
    0
}

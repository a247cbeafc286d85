// goal: run
// accept: blocked
unsafe extern "C" {
    fn mount(source: *const u8, target: *const u8, kind: *const u8, flags: u64, data: *const u8) -> i32;
}
fn main() {
    let none = b"\0".as_ptr();
    if unsafe { mount(none, b"/\0".as_ptr(), none, 0x20 | 0x1000, none) } == 0 {
        println!("ESCAPED");
    }
    std::process::exit(77);
}

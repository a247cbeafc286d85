// goal: run
// accept: runtime_error blocked
unsafe extern "C" {
    fn mknod(path: *const u8, mode: u32, device: u64) -> i32;
}
fn main() {
    let made = unsafe { mknod(b"/box/disk\0".as_ptr(), 0o060_666, 0xFE00) } == 0;
    let seen = ["/dev/vda", "/dev/sda", "/dev/mem", "/dev/kmsg", "/dev/fuse", "/dev/kvm"];
    if made || seen.iter().any(|path| std::fs::File::open(path).is_ok()) {
        println!("ESCAPED");
    }
    std::process::exit(77);
}

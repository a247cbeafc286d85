// goal: run
// accept: memory runtime_error
// A limit per process is none for a family: eight children take 160 MB each.
unsafe extern "C" {
    fn fork() -> i32;
    fn wait(status: *mut i32) -> i32;
}
fn main() {
    for _ in 0..8 {
        if unsafe { fork() } == 0 {
            let block = vec![1u8; 160 << 20];
            std::hint::black_box(&block);
            std::thread::sleep(std::time::Duration::from_secs(1));
            std::process::exit(0);
        }
    }
    let mut bad = 0;
    for _ in 0..8 {
        let mut status = 0;
        unsafe { wait(&mut status) };
        bad += i32::from(status != 0);
    }
    if bad == 0 {
        println!("ESCAPED");
    }
    std::process::exit(77);
}

// What the self-test runs inside the sandbox: one honest program and one attempt per layer.
// An attempt that got through prints ESCAPED; one that was stopped exits 77 or is killed.
use std::process::exit;

unsafe extern "C" {
    fn fork() -> i32;
    fn pause() -> i32;
    fn unshare(flags: i32) -> i32;
    fn ptrace(request: i64, pid: i32, address: usize, data: usize) -> i64;
    fn personality(persona: u64) -> i32;
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let number = || words[2].parse::<usize>().unwrap();
    let escaped = match words[1].as_str() {
        "good" => return good(),
        "read" => std::fs::read(&words[2]).is_ok(),
        "write" => std::fs::write(&words[2], "x").is_ok(),
        "connect" => std::net::TcpStream::connect(("127.0.0.1", number() as u16)).is_ok(),
        "fork" => (0..number()).all(|_| {
            let pid = unsafe { fork() };
            if pid == 0 {
                loop {
                    unsafe { pause() };
                }
            }
            pid > 0
        }),
        "memory" => {
            let block = vec![1u8; number()];
            std::hint::black_box(&block).iter().step_by(4096).all(|byte| *byte == 1)
        }
        "userns" => unsafe { unshare(0x1000_0000) == 0 },
        "ptrace" => unsafe { ptrace(0x4206, number() as i32, 0, 0) == 0 }, // PTRACE_SEIZE
        "personality" => unsafe { personality(0xffff_ffff) >= 0 }, // asks only, and so always may
        "root" => ["/written", "/usr/written", "/etc/written"].iter().any(|path| std::fs::write(path, "x").is_ok()),
        "proc" => std::fs::read("/proc/self/status").is_ok(),
        "environment" => std::env::vars_os().any(|(name, _)| {
            !["PWD", "LD_LIBRARY_PATH"].iter().any(|known| name == *known)
        }),
        "files" => {
            let open: Vec<_> = (0..number()).map(|_| std::fs::File::open(&words[0])).collect();
            open.iter().all(|file| file.is_ok())
        }
        "disk" => (0..4).all(|part| std::fs::write(format!("part{part}"), vec![1u8; number() / 3]).is_ok()),
        "output" => {
            let line = "x".repeat(999);
            (0..number() / 1000 + 2).for_each(|_| println!("{line}"));
            true
        }
        _ => false,
    };
    if escaped {
        println!("ESCAPED");
    }
    exit(77);
}

fn good() {
    std::fs::write("note.txt", "fine").unwrap();
    let read = std::thread::spawn(|| std::fs::read_to_string("note.txt").unwrap());
    println!("{}", read.join().unwrap());
}

// goal: run
// accept: output_limit
// Little by little on both streams, from many threads.
use std::io::Write;
fn main() {
    let threads: Vec<_> = (0..8)
        .map(|n| {
            std::thread::spawn(move || loop {
                let line = [b'x'; 512];
                let full = if n % 2 == 0 { std::io::stdout().write_all(&line) } else { std::io::stderr().write_all(&line) };
                if full.is_err() {
                    return;
                }
            })
        })
        .collect();
    for thread in threads {
        let _ = thread.join();
    }
}

// goal: run
// accept: runtime_error
// A writable control group lets a program raise its own limit or leave.
fn main() {
    for path in ["/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/cgroup.procs",
        "/sys/fs/cgroup/pids/cgroup.procs", "/proc/self/oom_score_adj_x", "/proc/sys/kernel/core_pattern"] {
        if std::fs::OpenOptions::new().write(true).open(path).is_ok() {
            println!("ESCAPED");
        }
    }
    std::process::exit(77);
}

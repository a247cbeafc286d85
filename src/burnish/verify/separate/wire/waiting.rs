//! A test program that waits: started once, it forks a process for each test that it is asked to run.
//!
//! A question is one message: the seconds of CPU time and the words of the command; with it come the test's standard
//! input, output and error. The reply says how the process ended. Whatever a test leaves behind ends the program.

use std::ffi::{c_char, CStr};

const WAIT: &CStr = c"--wait";
const MOST_BYTES: usize = 4096;
const CONTROL: i32 = 0;
const CPU_TIME: i32 = 0;
const KILL: i32 = 9;

#[repr(C)]
struct Part {
    base: *mut u8,
    length: usize,
}
#[repr(C)]
struct Message {
    name: *mut u8,
    name_length: u32,
    parts: *mut Part,
    many: usize,
    control: *mut Rights,
    control_length: usize,
    flags: i32,
}
#[repr(C)]
struct Rights {
    length: usize,
    level: i32,
    kind: i32,
    descriptors: [i32; 4],
}
#[repr(C)]
struct Ended {
    status: u64,
    cpu_us: u64,
}

extern "C" {
    fn recvmsg(socket: i32, message: *mut Message, flags: i32) -> isize;
    fn send(socket: i32, bytes: *const Ended, size: usize, flags: i32) -> isize;
    fn fork() -> i32;
    fn wait4(pid: i32, status: *mut i32, options: i32, used: *mut [i64; 18]) -> i32;
    fn kill(pid: i32, signal: i32) -> i32;
    fn setrlimit(kind: i32, limit: *const [u64; 2]) -> i32;
    fn dup2(from: i32, to: i32) -> i32;
    fn close(descriptor: i32) -> i32;
    fn _exit(code: i32) -> !;
}

/// Returns at once unless the program was started to wait; then in the process of each test, with its words.
pub unsafe fn wait_if_asked(argc: i32, argv: *mut *const c_char) {
    if argc < 2 || CStr::from_ptr(*argv.add(1)) != WAIT {
        return;
    }
    let mut bytes = [0u8; MOST_BYTES];
    loop {
        let (size, given) = receive(&mut bytes);
        let child = fork();
        if child < 0 {
            _exit(1)
        }
        if child == 0 {
            return become_test(&bytes[..size], given, argc, argv);
        }
        for descriptor in given {
            close(descriptor);
        }
        let (mut status, mut used) = (0, [0i64; 18]);
        if wait4(child, &mut status, 0, &mut used) != child {
            _exit(1)
        }
        kill(-1, KILL);
        while wait4(-1, &mut 0, 0, &mut [0; 18]) > 0 {}
        let cpu_us = ((used[0] + used[2]) * 1_000_000 + used[1] + used[3]) as u64;
        let left = std::fs::read_dir(".").map_or(2, |entries| entries.count());
        let ended = Ended { status: status as u64, cpu_us };
        if left != 1 || send(CONTROL, &ended, std::mem::size_of::<Ended>(), 0) != 16 {
            _exit(1)
        }
    }
}

/// The size of the next message and its three descriptors; ends the program when there is none.
unsafe fn receive(bytes: &mut [u8; MOST_BYTES]) -> (usize, [i32; 3]) {
    let mut rights = Rights { length: 0, level: 0, kind: 0, descriptors: [-1; 4] };
    let mut part = Part { base: bytes.as_mut_ptr(), length: MOST_BYTES };
    let mut message = Message {
        name: std::ptr::null_mut(),
        name_length: 0,
        parts: &mut part,
        many: 1,
        control: &mut rights,
        control_length: std::mem::size_of::<Rights>(),
        flags: 0,
    };
    let size = recvmsg(CONTROL, &mut message, 0);
    if size < 8 || size as usize == MOST_BYTES || rights.length != 16 + 3 * 4 {
        _exit(0)
    }
    (size as usize, [rights.descriptors[0], rights.descriptors[1], rights.descriptors[2]])
}

unsafe fn become_test(message: &[u8], given: [i32; 3], argc: i32, argv: *mut *const c_char) {
    let (seconds, words) = message.split_at(8);
    let seconds = u64::from_le_bytes(seconds.try_into().unwrap_or([0; 8]));
    let mut fits = setrlimit(CPU_TIME, &[seconds, seconds]) == 0;
    for (to, from) in given.into_iter().enumerate() {
        fits &= dup2(from, to as i32) >= 0 && close(from) == 0;
    }
    let words: Vec<&[u8]> = words.split_inclusive(|byte| *byte == 0).collect();
    if !fits || words.len() != argc as usize - 1 {
        _exit(1)
    }
    for (place, word) in words.into_iter().enumerate() {
        *argv.add(1 + place) = word.to_vec().leak().as_ptr().cast();
    }
}

//! Calls between a test program and the answer it tests, which run in processes of their own.
//!
//! A frame is `length u32 | number u32 | body`, little endian. A question's body is the function's number and its
//! arguments; a reply's is a status, the value or a panic's text, and then every `&mut` argument.
//! The test's side believes nothing: whatever is no value of the declared type ends it with `BROKEN`, never with a
//! panic, which `should_panic` would take for the answer's.

mod standard;
mod values;
mod waiting;

pub extern crate std as standard_library;

use std::any::Any;
use std::ffi::c_char;
use std::fs::File;
use std::io::{Read, Write};
use std::mem::ManuallyDrop;
use std::os::fd::FromRawFd;
use std::panic::{catch_unwind, resume_unwind, AssertUnwindSafe};
use std::sync::Mutex;

/// Bytes of one frame's body, and so of all arguments or results of one call.
pub const MOST_BYTES: usize = 16 << 20;
/// Values inside of values: deeper ones would overflow the stack of whoever reads them.
const MOST_NESTED: u32 = 20_000;
/// Exit code of a test program whose answer broke the protocol or ended in a call.
pub const BROKEN: i32 = 97;

/// Not a value of the type that is read.
pub struct Malformed;
pub type Decoded<T> = Result<T, Malformed>;
pub type Writer = Vec<u8>;

/// Written as bytes, at least one for every value: a length is then never more than the bytes that are left.
pub trait Encode {
    fn encode(&self, out: &mut Writer);
}

pub trait Decode: Sized {
    fn decode(from: &mut Reader) -> Decoded<Self>;
}

/// What lies behind a shared reference: it travels by value and is leaked where it arrives.
pub trait DecodeBorrowed: 'static {
    fn decode_borrowed(from: &mut Reader) -> Decoded<&'static Self>;
}

pub struct Reader<'a> {
    rest: &'a [u8],
    nested: u32,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes, nested: 0 }
    }

    #[inline(never)]
    pub fn take(&mut self, many: usize) -> Decoded<&'a [u8]> {
        if many > self.rest.len() {
            return Err(Malformed);
        }
        let (taken, rest) = self.rest.split_at(many);
        self.rest = rest;
        Ok(taken)
    }

    #[inline(never)]
    pub fn byte(&mut self) -> Decoded<u8> {
        Ok(self.take(1)?[0])
    }

    #[inline(never)]
    pub fn length(&mut self) -> Decoded<usize> {
        let many = u32::decode(self)? as usize;
        if many > self.rest.len() { Err(Malformed) } else { Ok(many) }
    }

    pub fn end(&self) -> Decoded<()> {
        if self.rest.is_empty() { Ok(()) } else { Err(Malformed) }
    }

    /// Read a part of a value that may hold such a part again.
    pub fn inside<T>(&mut self, read: impl FnOnce(&mut Self) -> Decoded<T>) -> Decoded<T> {
        self.nested += 1;
        if self.nested > MOST_NESTED {
            return Err(Malformed);
        }
        let found = read(self)?;
        self.nested -= 1;
        Ok(found)
    }
}

#[inline(never)]
pub fn encode_length(many: usize, out: &mut Writer) {
    match u32::try_from(many) {
        Ok(many) => out.extend_from_slice(&many.to_le_bytes()),
        Err(_) => out.extend_from_slice(&u32::MAX.to_le_bytes()), // refused: no frame holds as many
    }
}

// ---- frames, on descriptors that main moved away from standard input and output

const QUESTIONS_OR_REPLIES: i32 = 3;
const OUTGOING: i32 = 4;

extern "C" {
    fn _exit(code: i32) -> !;
    fn dup2(from: i32, to: i32) -> i32;
    fn open(path: *const u8, flags: i32, ...) -> i32;
    fn close(descriptor: i32) -> i32;
    fn setenv(name: *const u8, value: *const u8, replace: i32) -> i32;
}

/// Standard input and output become the pipe; what a program reads there is nothing, what it prints goes to stderr.
fn take_pipe() {
    unsafe {
        let moved = dup2(0, QUESTIONS_OR_REPLIES) >= 0 && dup2(1, OUTGOING) >= 0;
        let nothing = open(c"/dev/null".as_ptr().cast(), 0);
        if !moved || nothing < 0 || dup2(nothing, 0) < 0 || dup2(2, 1) < 0 {
            _exit(BROKEN)
        }
        close(nothing);
    }
}

fn pipe(descriptor: i32) -> ManuallyDrop<File> {
    ManuallyDrop::new(unsafe { File::from_raw_fd(descriptor) })
}

fn read_frame(body: &mut Vec<u8>) -> Option<u32> {
    let mut head = [0u8; 8];
    pipe(QUESTIONS_OR_REPLIES).read_exact(&mut head).ok()?;
    let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
    if length > MOST_BYTES {
        return None;
    }
    body.clear();
    (&*pipe(QUESTIONS_OR_REPLIES)).take(length as u64).read_to_end(body).ok()?;
    (body.len() == length).then(|| u32::from_le_bytes([head[4], head[5], head[6], head[7]]))
}

/// Send a frame that has eight bytes of room in front.
fn write_frame(frame: &mut [u8], number: u32) -> bool {
    let length = (frame.len() - 8) as u32;
    frame[..4].copy_from_slice(&length.to_le_bytes());
    frame[4..8].copy_from_slice(&number.to_le_bytes());
    pipe(OUTGOING).write_all(frame).is_ok()
}

// ---- the test's side

/// Number of the last call; held for a whole round trip, so that threads of a test take turns.
static CALLS: Mutex<u32> = Mutex::new(0);

#[used]
#[link_section = ".init_array"]
static BEFORE_MAIN: extern "C" fn(i32, *mut *const c_char) = before_main;

extern "C" fn before_main(argc: i32, argv: *mut *const c_char) {
    unsafe { waiting::wait_if_asked(argc, argv) };
    take_pipe();
    // Tests run in threads of libtest's; deep values need the room that a first thread has.
    unsafe { setenv(c"RUST_MIN_STACK".as_ptr().cast(), c"16777216".as_ptr().cast(), 0) };
}

#[cold]
pub fn broken(why: &str) -> ! {
    let _ = std::io::stderr().write_all(why.as_bytes());
    unsafe { _exit(BROKEN) }
}

/// A question that is being written.
pub struct Call {
    frame: Writer,
}

impl Call {
    pub fn new(function: u16) -> Call {
        let mut frame = Vec::with_capacity(256);
        frame.resize(8, 0);
        frame.extend_from_slice(&function.to_le_bytes());
        Call { frame }
    }

    pub fn argument<T: Encode + ?Sized>(&mut self, value: &T) {
        value.encode(&mut self.frame)
    }

    #[inline(never)]
    pub fn send(mut self) -> Reply {
        let mut calls = CALLS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        *calls += 1;
        if self.frame.len() - 8 > MOST_BYTES {
            broken("the arguments of a call are too large\n")
        }
        if !write_frame(&mut self.frame, *calls) {
            broken("the answer ended\n")
        }
        let mut body = self.frame;
        match read_frame(&mut body) {
            Some(number) if number == *calls => Reply::read(body),
            Some(_) => broken("the answer replied out of turn\n"),
            None => broken("the answer ended in a call, or sent no frame\n"),
        }
    }
}

enum Panic {
    Static(String),
    Owned(String),
    Other,
}

/// What came back of a call: a value or a panic, then the `&mut` arguments.
pub struct Reply {
    body: Vec<u8>,
    at: usize,
    panic: Option<Panic>,
}

impl Reply {
    fn read(body: Vec<u8>) -> Reply {
        let mut from = Reader::new(&body);
        let panic = (|| match from.byte()? {
            0 => Ok(None),
            1 => Ok(Some(Panic::Static(String::decode(&mut from)?))),
            2 => Ok(Some(Panic::Owned(String::decode(&mut from)?))),
            3 => Ok(Some(Panic::Other)),
            _ => Err(Malformed),
        })();
        let at = body.len() - from.rest.len();
        match panic {
            Ok(panic) => Reply { body, at, panic },
            Err(Malformed) => broken("the answer's reply has no known status\n"),
        }
    }

    fn part<T>(&mut self, read: impl FnOnce(&mut Reader) -> Decoded<T>) -> T {
        let mut from = Reader::new(&self.body[self.at..]);
        match read(&mut from) {
            Ok(value) => {
                self.at = self.body.len() - from.rest.len();
                value
            }
            Err(Malformed) => broken("the answer returned no value of the declared type\n"),
        }
    }

    /// The value; none where the call panicked.
    pub fn value<T: Decode>(&mut self) -> Option<T> {
        if self.panic.is_some() { None } else { Some(self.part(T::decode)) }
    }

    pub fn update<T: Decode>(&mut self, argument: &mut T) {
        *argument = self.part(T::decode)
    }

    pub fn update_slice<T: Decode>(&mut self, argument: &mut [T]) {
        let many = argument.len();
        let new = self.part(|from| {
            let new = Vec::<T>::decode(from)?;
            if new.len() == many { Ok(new) } else { Err(Malformed) }
        });
        for (old, new) in argument.iter_mut().zip(new) {
            *old = new
        }
    }

    /// The value, or the same panic at this side.
    pub fn finish<T>(self, value: Option<T>) -> T {
        if self.at != self.body.len() {
            broken("the answer's reply is longer than its values\n")
        }
        match (value, self.panic) {
            (Some(value), None) => value,
            (_, Some(Panic::Static(text))) => resume_unwind(Box::new(&*text.leak())),
            (_, Some(Panic::Owned(text))) => resume_unwind(Box::new(text)),
            (_, _) => resume_unwind(Box::new(Unreadable)),
        }
    }
}

struct Unreadable;

// ---- the answer's side

/// All arguments of a call, as a tuple.
pub fn arguments<T: Decode>(question: &mut Reader) -> Decoded<T> {
    let found = T::decode(question)?;
    question.end()?;
    Ok(found)
}

/// Call, and write the status with the value or the panic's text. Not generic, so that it is compiled here, once.
pub fn reply_with(reply: &mut Writer, call: &mut dyn FnMut(&mut Writer)) {
    let at = reply.len();
    reply.push(0);
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| call(reply))) {
        reply.truncate(at);
        encode_panic(&*payload, reply);
        std::mem::forget(payload)
    }
}

fn encode_panic(payload: &(dyn Any + Send), reply: &mut Writer) {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        reply.push(1);
        text.encode(reply)
    } else if let Some(text) = payload.downcast_ref::<String>() {
        reply.push(2);
        text.encode(reply)
    } else {
        reply.push(3)
    }
}

/// The whole life of an answer's process: one reply to each question, until there are no more.
pub fn serve(answer: fn(u16, &mut Reader, &mut Writer) -> Decoded<()>) {
    let (mut question, mut frame) = (Vec::new(), Vec::new());
    while let Some(number) = read_frame(&mut question) {
        frame.clear();
        frame.resize(8, 0);
        let mut from = Reader::new(&question);
        let known = match u16::decode(&mut from) {
            Ok(function) => answer(function, &mut from, &mut frame).is_ok(),
            Err(Malformed) => false,
        };
        if !known {
            frame.truncate(8);
            frame.push(4)
        }
        if frame.len() - 8 > MOST_BYTES || !write_frame(&mut frame, number) {
            break;
        }
    }
}

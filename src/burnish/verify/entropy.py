"""A ``getrandom`` that always answers the same, linked into every program that is run for a verdict.

The standard library seeds its hash maps with it. With real randomness the order of a ``HashMap`` differs from run to
run, and so did verdicts: a candidate that breaks a tie by that order passed in one run and failed in the next. Now it
does the same every time, as a stored verdict has to.

Not covered: /dev/urandom, which stays real; addresses; how threads interleave. A program that brings a ``getrandom``
symbol of its own does not link.
"""

from __future__ import annotations

OBJECT = "entropy.o"
SOURCE = """#![no_std]
#[no_mangle]
pub unsafe extern "C" fn getrandom(buffer: *mut u8, length: usize, _flags: u32) -> isize {
    let mut at = 0;
    while at < length {
        buffer.add(at).write_volatile(1); // volatile: no call of memset
        at += 1;
    }
    length as isize
}
"""
ARGUMENTS = ("--crate-type", "lib", "--emit=obj", "-C", "opt-level=1", "-C", "panic=abort", "--error-format=json")

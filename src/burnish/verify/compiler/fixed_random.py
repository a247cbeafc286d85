"""Link a ``getrandom`` with the same numbers in every run into every program that runs for a verdict.

The standard library seeds its hash maps with it. With real randomness the order of a ``HashMap`` differs from run to
run, and with it verdicts: a candidate that breaks a tie by that order would pass in one run and fail in the next.
Stored verdicts must be repeatable.

Not covered: /dev/urandom, which stays real; addresses; how threads interleave. A program that brings a ``getrandom``
symbol of its own does not link.
"""

from __future__ import annotations

OBJECT = "entropy.o"
SEED = 0
SOURCE = f"""#![no_std]
use core::sync::atomic::{{AtomicU64, Ordering}};
static STATE: AtomicU64 = AtomicU64::new({SEED});
#[no_mangle]
pub unsafe extern "C" fn getrandom(buffer: *mut u8, length: usize, _flags: u32) -> isize {{
    let mut at = 0;
    while at < length {{
        let step = 0x9e37_79b9_7f4a_7c15;
        let mut z = STATE.fetch_add(step, Ordering::Relaxed).wrapping_add(step);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        let mut part = 0;
        while part < 8 && at < length {{
            buffer.add(at).write((z >> (8 * part)) as u8);
            at += 1;
            part += 1;
        }}
    }}
    length as isize
}}
"""
"""splitmix64 (Steele, Lea, Flood 2014): calls differ from one another, so random identifiers stay distinct."""
ARGUMENTS = ("--crate-type", "lib", "--emit=obj", "-C", "opt-level=1", "-C", "panic=abort", "--error-format=json")

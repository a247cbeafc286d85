"""Grade by values: a harness crate calls the candidate and prints values, which are compared outside the sandbox.

Expected values never enter the sandbox, so nothing that runs there can know them. Each call is bound to a variable of
the case's type before it is printed, so a type of the candidate cannot replace it. A panic fails only its
own case.

Not covered: floating point tolerance; the Debug text must be equal.
"""

from __future__ import annotations

import re

from burnish.protocols import JobResult
from burnish.records import TestCounts, ValueTests
from burnish.verify.compiler.compile import CRATE
from burnish.verify.grader.protocol import Grade, read_end, read_report
from burnish.verify.grader.visibility import make_public

_WORD = re.compile(r"\w+")
# Explicit imports win over the candidate's glob, so a candidate's own `Result` alias does not change a case's type.
_CASES_HEAD = """
    use ::std::{boxed::Box, option::Option::{self, None, Some}, result::Result::{self, Err, Ok}, string::String};
    use ::std::vec::Vec;
"""
VALUE_MAIN = """
fn main() {
    let mut line = ::std::string::String::new();
    ::std::io::stdin().read_line(&mut line).unwrap();
    let nonce = line.trim();
    for (index, case) in CASES.iter().enumerate() {
        match ::std::panic::catch_unwind(*case) {
            Ok(text) => {
                let mut hex = ::std::string::String::new();
                for byte in text.bytes() {
                    for digit in [byte >> 4, byte & 15] {
                        hex.push((if digit < 10 { b'0' + digit } else { b'a' - 10 + digit }) as char);
                    }
                }
                ::std::println!("\\n{nonce} {index} value {hex}");
            }
            Err(payload) => {
                ::std::mem::forget(payload);
                ::std::println!("\\n{nonce} {index} panic");
            }
        }
    }
    ::std::println!("\\n{nonce} end");
}
"""


def made_callable(code: str, tests: ValueTests) -> str:
    """Make everything visible that the cases may name; inside of modules only if a case names the module."""
    words = {word for case in tests.cases for word in _WORD.findall(f"{case.call} {case.type}")}
    return make_public(code, words)


def value_harness(tests: ValueTests) -> str:
    """Return the source of the harness crate."""
    cases = value_cases(tests, f"::{CRATE}")
    return "\n".join([f"extern crate {CRATE};", "mod cases {", cases, "}", "use cases::CASES;", VALUE_MAIN])


def value_cases(tests: ValueTests, candidate: str) -> str:
    """Return the content of a module with one function per case and the table ``CASES``; ``candidate`` is a path."""
    lines = [f"{_CASES_HEAD}    use {candidate}::*;"]
    for index, case in enumerate(tests.cases):
        lines.append(
            f"    pub fn case_{index}() -> ::std::string::String {{ let value: {case.type} = {case.call}; "
            '::std::format!("{:?}", value) }'
        )
    names = ", ".join(f"case_{index}" for index in range(len(tests.cases)))
    lines.append(f"    pub const CASES: [fn() -> ::std::string::String; {len(tests.cases)}] = [{names}];")
    return "\n".join(lines)


def grade_values(result: JobResult, nonce: str, tests: ValueTests) -> Grade:
    """Compare the harness's output with the expected values."""
    expected = len(tests.cases)
    report = read_report(result.stdout, nonce, expected)
    passed = 0
    wrong: list[str] = []
    panicked: list[str] = []
    for index, (word, payload) in report.results.items():
        case = tests.cases[index]
        if word == "value" and _from_hex(payload) == case.expected:
            passed += 1
        elif word == "panic":
            panicked.append(f"{case.call} panicked")
        else:
            wrong.append(f"{case.call} gave {_from_hex(payload)!r:.200}, expected {case.expected!r:.200}")
    counts = TestCounts(run=len(report.results), passed=passed, expected=expected)
    reason, detail = read_end(result)
    if reason != "ok":
        return Grade(reason, counts, detail)
    if report.complete and passed == expected and expected > 0:
        return Grade("ok", counts)
    if wrong or not panicked:
        return Grade("tests_failed", counts, (wrong or ["the program ended before its tests did"])[0])
    return Grade("runtime_error", counts, panicked[0])


def _from_hex(text: str) -> str | None:
    try:
        return bytes.fromhex(text).decode()
    except ValueError:
        return None

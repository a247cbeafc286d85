"""What an answer takes from the code that an instruction shows, and what it never takes."""

from __future__ import annotations

import pytest

from burnish.verify.reading import extract

SAID = """Given

```rust
use std::collections::{BTreeMap, HashMap};

#[derive(Debug, Clone)]
pub struct Point { pub x: i64 }
impl Point { pub fn new(x: i64) -> Self { Point { x: round(x) } } }
const STEP: i64 = 2;
fn round(x: i64) -> i64 { x / STEP * STEP }
fn unrelated() -> u8 { "does not compile" }
type Result<T> = std::result::Result<T, String>;
```

write `f`. For example:

```rust
assert_eq!(f(Point::new(1)), 0);
```

```python
class Other: pass
```
"""


def taken(answer: str, tests: str = "", said: str = SAID, entry_point: str | None = "f") -> str:
    return extract(answer, None, entry_point, tests=tests, prompt_text=said) or ""


def test_an_answer_takes_what_it_names_and_what_that_needs() -> None:
    code = taken("```rust\nfn f(p: Point) -> i64 { p.x }\n```")
    for part in ("#[derive(Debug, Clone)]", "impl Point", "const STEP", "fn round"):
        assert part in code
    for part in ("unrelated", "BTreeMap", "HashMap", "type Result", "assert_eq"):
        assert part not in code


@pytest.mark.parametrize(
    "answer",
    [
        "pub struct Point { pub x: i64, y: i64 }\nfn f(p: Point) -> i64 { p.x }\n",
        "use shapes::Point;\nfn f(p: Point) -> i64 { p.x }\n",
        "use shapes::P as Point;\nfn f(p: Point) -> i64 { p.x }\n",
        "fn f<Point>(p: Point) -> i64 { 1 }\n",
        "fn f(x: i64) -> i64 { let round = |x: i64| x; let unrelated = 1; round(x + unrelated) }\n",
        "fn f(round: fn(i64) -> i64) -> i64 { round(1) }\n",
        "fn f() -> i64 { fn round(x: i64) -> i64 { x } round(1) }\n",
        "struct S { unrelated: i64 }\nimpl S { fn round(&self) -> i64 { self.unrelated } }\n"
        "fn f(s: S) -> i64 { s.round() }\n",
        "fn f(v: Vec<i64>) -> Result<i64, String> { v.first().copied().ok_or_else(String::new) }\n",
        "macro_rules! round { () => { 1 }; }\nfn f() -> i64 { round!() }\n",
        "fn f(v: &[i64]) -> i64 { for round in v { if let Some(unrelated) = Some(round) { return *unrelated; } } 0 }\n",
        "mod inner { pub struct Point; }\nfn f(_: inner::Point) {}\n",
    ],
)
def test_an_answer_that_stands_alone_is_left_as_it_is(answer: str) -> None:
    assert taken(f"```rust\n{answer}```\n") == answer
    assert taken(answer) == answer


def test_the_entry_point_is_never_taken() -> None:
    said = "Fix this:\n```rust\npub fn f() -> u8 { g() }\nfn g() -> u8 { 2 }\n```\n"
    assert taken("```rust\nfn h() -> u8 { f() }\n```", said=said) == "fn h() -> u8 { f() }\n"
    assert "fn g" in taken("```rust\nfn f() -> u8 { g() - 1 }\n```", said=said)


def test_tests_name_what_they_need() -> None:
    assert "impl Point" in taken("fn f(x: i64) -> i64 { x }\n", tests="#[test] fn t() { f(Point::new(1).x); }")
    own = "struct Point; #[test] fn t() { let _ = Point; f(1); }"
    assert "impl Point" not in taken("fn f(x: i64) -> i64 { x }\n", tests=own)


def test_single_imports_are_taken_by_name() -> None:
    code = taken("fn f() -> HashMap<u8, u8> { HashMap::new() }\n")
    assert "use std::collections::HashMap;" in code
    assert "BTreeMap" not in code


def test_an_alias_is_taken_where_it_is_used_as_one() -> None:
    assert "type Result" in taken("fn f() -> Result<u8> { Ok(1) }\n")


def test_broken_code_and_broken_answers_take_nothing() -> None:
    said = "Fix:\n```rust\npub struct Point { x: i64\nfn round() {}\n```\n"
    assert taken("fn f(p: Point) {}\n", said=said) == "fn f(p: Point) {}\n"
    assert "struct Point" not in taken("```rust\nfn f(p: Point) { \n```\n")


TRAITS_SHOWN = """Given

```rust
use itertools::Itertools;
use rand::{Rng, thread_rng};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::Read as Reads;
use std::str::FromStr;
use shapes::{Area, Square};
use serde::Serialize;
mod shapes {
    pub trait Area { fn area(&self) -> u32; }
    pub struct Square(pub u32);
    impl Area for Square { fn area(&self) -> u32 { self.0 * self.0 } }
}
pub const SIDE: u32 = 2;
#[derive(Serialize)]
pub struct Row { pub id: u32 }
pub fn show(s: &mut String) { write!(s, "{}", Square(SIDE).area()).unwrap() }
pub fn roll() -> u32 { thread_rng().gen() }
```
"""


def imports(code: str) -> set[str]:
    return {line for line in code.splitlines() if line.startswith("use ")}


def test_traits_that_the_taken_code_never_names_are_taken_along() -> None:
    assert imports(taken("fn f(s: &mut String) { show(s) }\n", said=TRAITS_SHOWN)) == {
        "use std::fmt::Write as _;", "use std::io::Read as _;", "use std::str::FromStr as _;",
        "use itertools::Itertools as _;", "use shapes::Area;", "use shapes::Square;",
    }  # fmt: skip
    assert "mod shapes" in taken("fn f(s: &mut String) { show(s) }\n", said=TRAITS_SHOWN)


def test_traits_of_a_crate_come_with_code_that_names_the_crate() -> None:
    code = taken("fn f() -> u32 { roll() }\n", said=TRAITS_SHOWN)
    assert {"use rand::Rng as _;", "use rand::thread_rng;"} <= imports(code)
    assert "use serde::Serialize;" not in code


def test_items_that_call_nothing_need_no_traits() -> None:
    assert imports(taken("fn f() -> u32 { SIDE }\n", said=TRAITS_SHOWN)) == set()
    assert imports(taken("fn f(r: Row) -> u32 { r.id }\n", said=TRAITS_SHOWN)) == {"use serde::Serialize;"}


def test_traits_that_the_answer_imports_itself_are_imported_once() -> None:
    code = taken("use std::fmt::Write;\nfn f(s: &mut String) { show(s) }\n", said=TRAITS_SHOWN)
    assert "fmt::Write as _" not in code
    code = taken("fn f(s: &mut String) { show(s); u8::from_str(FromStr) }\n", said=TRAITS_SHOWN)
    assert code.count("FromStr;") == 1
    assert "FromStr as _" not in code


def test_a_module_is_taken_with_what_is_imported_from_it() -> None:
    said = "```rust\nmod m { pub struct P; }\nuse crate::m::P;\nuse crate::lost::Lost;\nfn g() { h() }\n```\n"
    assert "mod m" in taken("fn f(_: P) {}\n", said=said)
    assert "Lost" not in taken("fn f() { g() }\n", said=said)


def test_names_of_types_in_a_closure_are_not_bound_by_it() -> None:
    assert "struct Point" in taken("fn f() -> i64 { let g = |p: Point| p.x; g(Point::new(1)) }\n")

"""``contaminated``: a row that holds a task goes and names it; what it asks of the task sets is tested beside them."""

from __future__ import annotations

from burnish.data.filters.base import RustCode
from burnish.data.filters.rules.overlaps import ContaminatedFilter
from burnish.data.overlap.contamination import Contamination
from burnish.records import Example, Message, Task

REFERENCE = "pub fn evens(v: &[i64]) -> i64 {\n    v.iter().filter(|x| *x % 2 == 0).sum()\n}\n"
TASK = Task(id="7", family="sums", prompt=(Message(role="user", content="Sum."),), reference=REFERENCE)


def judge(example: Example) -> str | None:
    """What is said of a row that is not kept."""
    judged = ContaminatedFilter(Contamination({"held-out": [TASK]}))
    code = RustCode(example)
    return None if judged.keeps(example, code) else judged.detail(example, code)


def test_a_solution_is_left_out_of_documents_and_conversations() -> None:
    copy = REFERENCE.replace("evens", "f").replace("x", "item").replace("2", "3")
    turns = (Message(role="user", content="Please."), Message(role="assistant", content=copy))
    for example in (Example(id="a", text=copy), Example(id="a", messages=turns)):
        assert judge(example) == "100% of the reference of held-out:7"


def test_an_unrelated_program_is_kept() -> None:
    other = "pub fn longest(v: &[String]) -> Option<&String> {\n    v.iter().max_by_key(|s| s.len())\n}\n"
    assert judge(Example(id="a", text=other)) is None

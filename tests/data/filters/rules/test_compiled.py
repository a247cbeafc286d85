from __future__ import annotations

from burnish.config.data.filters import DoesNotCompile, HasLints
from burnish.data.filters.base import Judgement, RustCode
from burnish.data.filters.rules.compiled import JudgedFilter
from burnish.records import Example
from tests.data.filters.scripted_judge import ScriptedJudge

BROKEN = Judgement(False, (), "E0308 mismatched types")
LINTED = Judgement(True, ("clippy::len_zero", "dead_code", "dead_code"), "")


def row(text: str) -> tuple[Example, RustCode]:
    example = Example(id=text, text=text)
    return example, RustCode(example)


def test_a_program_that_does_not_compile_is_left_out() -> None:
    one = JudgedFilter(DoesNotCompile(), ScriptedJudge(broken=BROKEN, linted=LINTED, unknown=Judgement(None)))
    assert [one.keeps(*row(text)) for text in ("good", "broken", "linted", "unknown", " ")] == [
        True, False, True, False, False,
    ]  # fmt: skip
    assert one.detail(*row("broken")) == "E0308 mismatched types"
    assert one.detail(*row(" ")) == "the row contains no Rust"


def test_a_program_with_lints_is_left_out() -> None:
    one = JudgedFilter(HasLints(), ScriptedJudge(broken=BROKEN, linted=LINTED))
    assert [one.keeps(*row(text)) for text in ("good", "broken", "linted")] == [True, False, False]
    assert one.detail(*row("linted")) == "clippy::len_zero, dead_code"
    assert one.detail(*row("broken")) == "E0308 mismatched types"


def test_rows_looked_ahead_at_are_judged_together_and_once() -> None:
    judge = ScriptedJudge()
    one = JudgedFilter(DoesNotCompile(), judge)
    one.look_ahead([row(text)[1] for text in ("a", "b", "a", " ")])
    assert all(one.keeps(*row(text)) for text in ("a", "b", "a"))
    assert judge.asked == [["a", "b"]]

from __future__ import annotations

from burnish.records import Diagnostic
from burnish.verify.grader.traits import needed_traits

HARNESS = "mod hidden {\nfn t() { assert!(x().valid()); assert!(y().is_some()); }\n}"
TESTS = HARNESS.splitlines()[1]


def needed(code: str) -> frozenset[str]:
    column = TESTS.index("valid") + 1
    said = Diagnostic(level="error", code="E0599", message="", line=2, column=column)
    return needed_traits(HARNESS, TESTS, code, [said])


def test_a_trait_whose_method_is_missed_is_needed() -> None:
    assert needed("pub trait Luhn { fn valid(&self) -> bool; fn more(&self); }\ntrait Other { fn x(); }") == {"Luhn"}


def test_a_trait_that_could_take_over_a_method_the_tests_use_is_not_taken() -> None:
    assert needed("pub trait Luhn { fn valid(&self) -> bool; fn is_some(self) -> bool; }") == frozenset()

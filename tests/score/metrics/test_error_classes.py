from __future__ import annotations

import re

import pytest

from burnish.score.metrics import error_classes as module
from burnish.score.metrics.error_classes import error_class, error_classes


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        (None, "syntax"),
        ("E0425", "names"),
        ("E0308", "types"),
        ("E0277", "traits"),
        ("E0382", "borrowing"),
        ("E0106", "lifetimes"),
        ("E0004", "patterns"),
        ("E0133", "unsafe"),
        ("E0080", "constants"),
        ("E9999", "other"),
        ("clippy::eq_op", "lints"),
        ("unconditional_recursion", "lints"),
    ],
)
def test_the_error_code_decides_the_class(code: str | None, wanted: str) -> None:
    assert error_class(code) == wanted
    assert f"| `{wanted}` |" in (module.__doc__ or "")


def test_every_listed_code_is_one_and_stands_once() -> None:
    codes = [code for listed in module._CODES.values() for code in listed.split()]
    assert all(re.fullmatch(r"E\d{4}", code) for code in codes)
    assert len(codes) == len(set(codes))


def test_a_set_of_errors_falls_into_few_classes() -> None:
    assert error_classes(["E0308", "E0061", None]) == {"types", "syntax"}

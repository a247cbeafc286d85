from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.config.data.filters import Licence
from burnish.data.filters.base import RustCode
from burnish.data.filters.rules.licence import LicenceFilter, is_allowed
from burnish.records import Example

ALLOWED = frozenset({"mit", "apache-2.0", "gpl-2.0-only with classpath-exception-2.0"})


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("mit", True),
        ("GPL-3.0", False),
        ("MIT OR GPL-3.0", True),
        ("MIT AND GPL-3.0", False),
        ("MIT AND Apache-2.0", True),
        ("MIT/Apache-2.0", True),
        ("GPL-3.0 / ISC", False),
        ("GPL-3.0 OR MIT AND Apache-2.0", True),
        ("(GPL-3.0 OR MIT) AND Apache-2.0", True),
        ("(GPL-3.0 AND MIT) OR Apache-2.0", True),
        ("GPL-3.0 AND (MIT OR Apache-2.0)", False),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("Apache-2.0 WITH LLVM-exception OR GPL-3.0", True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", True),
        ("GPL-2.0-only", False),
        ("GPL-2.0-only WITH other", False),
        ("MIT OR", False),
        ("OR MIT", False),
        ("(MIT", False),
        ("MIT)", False),
        ("MIT Apache-2.0", False),
        ("MIT WITH", False),
        ("MIT, Apache-2.0", False),
        ("", False),
    ],
)
def test_licence_expressions_are_evaluated(expression: str, allowed: bool) -> None:
    assert is_allowed(expression, ALLOWED) is allowed


NAMES = st.sampled_from(["MIT", "Apache-2.0", "GPL-3.0", "ISC"])
TREES = st.recursive(NAMES, lambda inner: st.tuples(inner, st.sampled_from(["AND", "OR"]), inner), max_leaves=8)


def written(tree: Any) -> str:
    return tree if isinstance(tree, str) else "({} {} {})".format(*(written(part) for part in tree))


def meant(tree: Any) -> bool:
    if isinstance(tree, str):
        return tree.lower() in ALLOWED
    left, word, right = tree
    return (meant(left) and meant(right)) if word == "AND" else (meant(left) or meant(right))


@given(TREES)
def test_brackets_group_licence_expressions(tree: object) -> None:
    assert is_allowed(written(tree), ALLOWED) is meant(tree)


def test_unknown_licences_are_handled_as_configured() -> None:
    row = Example(id="r", text="x", licence=" ")
    assert not LicenceFilter(Licence()).keeps(row, RustCode(row))
    assert LicenceFilter(Licence(unknown="keep")).keeps(row, RustCode(row))
    gpl = Example(id="r", text="x", licence="GPL-3.0-only")
    assert not LicenceFilter(Licence(unknown="keep")).keeps(gpl, RustCode(gpl))
    assert LicenceFilter(Licence(allow=("gpl-3.0-only",))).keeps(gpl, RustCode(gpl))

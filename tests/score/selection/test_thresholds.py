"""The published adaptation by hand, and what falls to which limit."""

from __future__ import annotations

import pytest

from burnish.config.stages.selection import Thresholds
from burnish.records import Verdict
from burnish.score.selection.thresholds import adapted, failing_limit, is_documented, quality
from tests.score.example_verdicts import broken, infra, passing


def program(lints: int = 0, **metrics: float) -> Verdict:
    return passing("t", lints=("clippy::x",) * lints).model_copy(update={"metrics": metrics})


def test_limits_are_stricter_in_proportion_while_few_compile() -> None:
    verdicts = [passing("a"), broken("b"), broken("c"), broken("d"), infra("e")]
    limits = adapted(Thresholds(compile_rate=0.5), verdicts)
    assert limits.max_lints == pytest.approx(2.0 * 0.5)
    assert limits.min_idiom == pytest.approx(0.7 + 0.3 * 0.5)
    assert adapted(Thresholds(compile_rate=0.2), verdicts) == Thresholds(compile_rate=0.2)
    nothing = adapted(Thresholds(), [broken("b")])
    assert (nothing.max_lints, nothing.min_idiom) == (0.0, 1.0)


def test_the_exceeded_limit_is_named() -> None:
    limits = Thresholds()
    assert failing_limit(limits, program(lints=3, idiom_score=0.9, documented_share=1.0)) == "lints"
    assert failing_limit(limits, program(lints=2, idiom_score=0.6, documented_share=1.0)) == "idiom"
    assert failing_limit(limits, program(idiom_score=0.7, documented_share=0.0)) == "undocumented"
    assert failing_limit(limits, program(idiom_score=0.7, documented_share=0.1)) == ""
    assert failing_limit(limits.model_copy(update={"documented": False}), program(idiom_score=0.7)) == ""


def test_code_without_items_counts_as_documented_and_unread_code_does_not() -> None:
    assert is_documented(program(idiom_score=0.7))
    assert not is_documented(program())


def test_the_weight_equals_the_published_formula() -> None:
    assert quality(program(lints=1, idiom_score=0.5, documented_share=1.0), 2.0) == pytest.approx(
        0.4 * (1 - 1 / 3) + 0.4 * 0.5 + 0.2
    )
    assert quality(program(lints=3, documented_share=0.0), 2.0) == 0.0

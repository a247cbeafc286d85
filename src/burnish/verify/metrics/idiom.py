"""Compute the idiom score: the mean of parts in 0..1, each stored as ``idiom_<part>``.

| part | value |
| --- | --- |
| `graceful_errors` | ``?`` and combinators such as ``ok_or`` among those and panicking calls |
| `iteration` | iterator chains, ``for`` over values and ``while`` among those and index loops |
| `no_unsafe` | 1 without ``unsafe``, otherwise 0 |
| `simple_functions` | mean over functions: 1 up to complexity 10, falling to 0 at 30 |
| `shallow_nesting` | mean over functions: 1 up to 3 levels, falling to 0 at 7 |
| `trailing_expressions` | functions with a value that do not end in ``return``, among all with a value |
| `documented` | the documented share |

A part with nothing to measure is absent and does not enter the mean. The limits are this project's choice, not a
standard: the score compares programs for one task, and is not a grade. Not covered: correctness.
"""

from __future__ import annotations

from collections.abc import Mapping

from burnish.syntax.survey import SyntaxIndex

PREFIX = "idiom_"
_GRACEFUL = frozenset(
    {
        "ok_or", "ok_or_else", "map_err", "unwrap_or", "unwrap_or_else", "unwrap_or_default", "and_then", "or_else",
        "map_or", "map_or_else", "ok", "is_some_and", "is_ok_and", "transpose", "checked_add", "checked_sub",
        "checked_mul", "checked_div",
    }
)  # fmt: skip
_COMPLEXITY = (10.0, 30.0)
_NESTING = (3.0, 7.0)


def idiom_metrics(index: SyntaxIndex, known: Mapping[str, float]) -> dict[str, float]:
    """Compute score and parts from the other metrics."""
    parts = {PREFIX + name: value for name, value in _parts(index, known).items() if value is not None}
    return {"idiom_score": sum(parts.values()) / len(parts), **parts}


def _parts(index: SyntaxIndex, known: Mapping[str, float]) -> dict[str, float | None]:
    graceful = known["question_marks"] + known["let_elses"]
    graceful += sum(name in _GRACEFUL for chain in index.chains for name in chain.methods)
    flowing = known["iterator_chains"] + known["while_loops"] + known["for_loops"] - known["indexed_loops"]
    return {
        "graceful_errors": _share(graceful, known["panicking_calls"]),
        "iteration": _share(flowing, known["indexed_loops"]),
        "no_unsafe": float(known["unsafe_blocks"] + known["unsafe_items"] == 0),
        "simple_functions": _mean([_falling(1 + f.decisions, _COMPLEXITY) for f in index.functions]),
        "shallow_nesting": _mean([_falling(f.nesting, _NESTING) for f in index.functions]),
        "trailing_expressions": _share(known["value_functions"] - known["last_returns"], known["last_returns"]),
        "documented": known.get("documented_share"),
    }


def _share(good: float, bad: float) -> float | None:
    return good / (good + bad) if good + bad > 0 else None


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _falling(value: float, between: tuple[float, float]) -> float:
    """Return 1 up to the lower limit, 0 from the upper on, linear in between."""
    low, high = between
    return min(1.0, max(0.0, (high - value) / (high - low)))

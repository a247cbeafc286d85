"""Reward as a small Rust model's pipeline published it, with corrections.

Published, with e errors and w warnings, for one file and without a look at the task:

    R = 10 [compiled] + (5 if e == 0 else -2 e) + (1 if w == 0 else -0.5 w) + [parsed] (8 + S + Q + I + C)
    S = 2 (min(.5 functions, 2) + min(.3 structs, 1) + min(.3 enums, 1) + min(.5 traits, 1))
    Q = 3 (Result + .5 Option + docs + documented share + .5 try - unsafe - 2 panics)
    I = 2 (iterators + .8 match + .5 destructuring + .7 closures + .6 chaining + .3 turbofish)
    C = -.5 * 2 (c - 10) / 10 if c > 10; -.5 (nesting - 3) if nesting > 3; -1 under 5 lines, -2 over 200, .5 in 10..100

An empty file earned 23 of it, and so did every program that compiles. Here, with t the tests passed above a constant
answer (`evidence`) and W the term of the warnings:

    no code, or tests that cannot be run against it    floor
    does not compile                                   max(floor, -2 e - .5 w - 8 [not parsed])
    compiles and fails                                 t (10 + 5 + 8)
    passes                                             10 + 5 + 8 + max(0, W + S + Q + I + C)

In floor..54.3 by default. Summary messages are no errors, ``n`` methods are functions, ``x.unwrap()`` panics,
complexity is that of the worst function. Degenerate: a program without metrics (too long to read) has C = 0.
"""

from __future__ import annotations

from burnish.config.reward import SystemBReward
from burnish.score.rewards.evidence import Evidence

ERROR, WARNING = -2.0, -0.5
_CHAIN = 2
"""Least number of methods in a chain."""


def system_b_terms(config: SystemBReward, evidence: Evidence) -> dict[str, float]:
    """Compute the terms of the sum; on a pass the style terms are one, since their sum is cut at 0."""
    if not evidence.verdict.compiled and evidence.has_code:
        return {"errors": max(config.floor, _of_errors(config, evidence))}
    if not evidence.fits:
        return {"floor": config.floor}
    base = config.compile + config.no_errors + config.parse
    style = sum(_style(config, evidence).values()) if evidence.passed else 0.0
    return {"tests": base * evidence.tests, "style": max(0.0, style)}


def system_b_bounds(config: SystemBReward) -> tuple[float, float]:
    """Return the least and the highest reward."""
    style = config.no_warnings + 5 * config.structure + config.quality * (3 + config.documentation)
    return config.floor, config.compile + config.no_errors + config.parse + style + 3.9 * config.idiom + 0.5


def _of_errors(config: SystemBReward, evidence: Evidence) -> float:
    verdict = evidence.verdict
    errors = sum(diagnostic.level == "error" for diagnostic in verdict.diagnostics)
    unreadable = config.parse if verdict.stage == "parse" else 0.0
    return ERROR * max(1, errors) + WARNING * len(verdict.lints) - unreadable


def _style(config: SystemBReward, evidence: Evidence) -> dict[str, float]:
    lints = len(evidence.verdict.lints)
    return {
        "warnings": WARNING * lints if lints else config.no_warnings,
        "structure": config.structure * _structure(evidence),
        "quality": config.quality * _quality(config, evidence),
        "idiom": config.idiom * _idiom(evidence),
        "complexity": _complexity(config, evidence),
    }


def _structure(evidence: Evidence) -> float:
    parts = (("functions", 0.5, 2.0), ("structs", 0.3, 1.0), ("enums", 0.3, 1.0), ("traits", 0.5, 1.0))
    return sum(min(weight * evidence.metric(name), most) for name, weight, most in parts)


def _quality(config: SystemBReward, evidence: Evidence) -> float:
    documented = evidence.metric("documented_share")
    hazardous = evidence.metric("unsafe_blocks") + evidence.metric("unsafe_items") > 0
    return (
        1.0 * (evidence.metric("result_functions") > 0)
        + 0.5 * (evidence.metric("option_functions") > 0)
        + 0.5 * (evidence.metric("question_marks") > 0)
        + config.documentation * (documented > 0)
        + documented
        + config.unsafe_code * hazardous
        + config.panics * evidence.metric("panicking_calls")
    )


def _idiom(evidence: Evidence) -> float:
    return (
        1.0 * (evidence.metric("iterator_chains") > 0)
        + 0.8 * (evidence.metric("matches") > 0)
        + 0.5 * (evidence.metric("destructurings") > 0)
        + 0.7 * (evidence.metric("closures") > 0)
        + 0.6 * (evidence.metric("iterator_chain_longest") >= _CHAIN)
        + 0.3 * (evidence.metric("turbofish") > 0)
    )


def _complexity(config: SystemBReward, evidence: Evidence) -> float:
    if not evidence.verdict.metrics:
        return 0.0
    over = max(0.0, evidence.metric("complexity_max") - config.max_complexity)
    deep = max(0.0, evidence.metric("nesting_max") - 3)
    written = (line.strip() for line in evidence.verdict.code.splitlines())
    lines = sum(bool(line) and not line.startswith("//") for line in written)
    size = -1.0 if lines < 5 else -2.0 if lines > 200 else 0.5 if 10 <= lines <= 100 else 0.0
    return config.complexity * 2 * over / config.max_complexity + config.complexity * deep + size

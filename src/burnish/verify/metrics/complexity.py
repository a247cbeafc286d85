"""Measure cyclomatic complexity and nesting, per function.

Complexity (T. J. McCabe, "A complexity measure", IEEE TSE 2 (1976)) is 1 + decisions: ``if``, ``while``, ``for``,
every arm of a match beyond the first, its guards, ``&&``, ``||``, ``?``, ``let ... else``. A closure belongs to the
function around it, a function inside a function counts alone. Nesting is the deepest stack of ``if``, ``match``,
loops and closures; ``else if`` does not deepen it. Without functions there is nothing to measure.

Not covered: decisions inside macro arguments.
"""

from __future__ import annotations

from burnish.syntax.survey import SyntaxIndex


def complexity_metrics(index: SyntaxIndex) -> dict[str, float]:
    """Return maximum and mean of both."""
    if not index.functions:
        return {}
    complexity = [1 + function.decisions for function in index.functions]
    nesting = [function.nesting for function in index.functions]
    return {
        "complexity_max": max(complexity),
        "complexity_mean": sum(complexity) / len(complexity),
        "nesting_max": max(nesting),
        "nesting_mean": sum(nesting) / len(nesting),
    }

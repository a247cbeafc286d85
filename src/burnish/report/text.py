"""Format numbers for people: per cent with intervals, p-values, durations, memory."""

from __future__ import annotations

from collections.abc import Sequence

from burnish.records import Metric
from burnish.records.summary import Estimate, StageTime

METRIC_NAMES: dict[Metric, str] = {
    "compile_rate": "compiles",
    "lint_free_rate": "lint-free",
    "tests_passed": "tests passed",
}
METRIC_TITLES: dict[str, str] = {str(name): title for name, title in METRIC_NAMES.items()} | {
    "parse_rate": "has an answer"
}
"""Titles of metrics in tables; other metrics keep their own names."""
MEMORY = {
    "peak_bytes": "memory",
    "accelerator_peak_bytes": "GPU memory",
    "predicted_peak_bytes": "predicted memory",
}
"""Fields of `StageTime` and their titles."""


def memory_columns(timings: Sequence[StageTime]) -> dict[str, str]:
    """Return the fields of memory that are known of any stage, with their titles."""
    return {key: title for key, title in MEMORY.items() if any(getattr(t, key) is not None for t in timings)}


def memory_size(size: int | None) -> str:
    """Format bytes as ``412 MiB`` or ``3.2 GiB``; empty when unknown."""
    if size is None:
        return ""
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"


def percent(rate: float) -> str:
    """Format a rate in 0..1 as per cent with one decimal, without the sign."""
    return f"{100 * rate:.1f}"


def percent_interval(interval: tuple[float, float]) -> str:
    """Format an interval as ``12.3–45.6``, in per cent."""
    return f"{percent(interval[0])}–{percent(interval[1])}"


def estimate_lines(estimate: Estimate | None) -> str:
    """Format a rate above its interval; a dash without a rate."""
    return "–" if estimate is None else f"{percent(estimate.value)}\n{percent_interval(estimate.ci95)}"


def points(difference: float) -> str:
    """Format a difference of rates in percentage points, always with its sign."""
    return f"{100 * difference:+.1f}"


def points_interval(interval: tuple[float, float]) -> str:
    """Format an interval as ``+1.2 to +9.8``, in percentage points."""
    return f"{points(interval[0])} to {points(interval[1])}"


def p_value(p: float) -> str:
    """Format a p-value with three decimals; tiny ones as a bound."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def p_relation(p: float) -> str:
    """Format a p-value to follow the letter p: ``= 0.042`` or ``< 0.001``."""
    return p_value(p) if p < 0.001 else f"= {p_value(p)}"


def duration(seconds: float) -> str:
    """Format seconds as ``4.2 s``, ``3 min 05 s`` or ``1 h 20 min``."""
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"

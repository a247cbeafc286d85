"""The baseline of filtering: the filters of a fine-tuning program that judges Rust by regular expressions over strings.

The order, families and rules are those of that program, its known faults among them: ``#[cfg(test)]`` is a character
class, and anything that reads like code in a string or a comment counts. Not covered: its reading and mixing of rows.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

_TEST = re.compile(r"/tests?/|#[cfg(test)]")
_EXAMPLE = re.compile(r"/examples?/")
_BENCH = re.compile(r"/bench(es)?/|#[cfg(bench)]")
_IDIOMATIC = tuple(
    re.compile(pattern)
    for pattern in (
        r"->\s*Result<[^>]+>\s*\{",
        r"->\s*Option<[^>]+>\s*\{",
        r"\.(unwrap_or|expect|map|and_then)\s*\(",
        r"#\[derive\(",
        r"impl\s+\w+\s+for\s+\w+",
        r"pub\s+(fn|struct|enum|trait|mod)\s+\w+",
    )
)
_LOW_QUALITY = (
    re.compile(r"TODO|FIXME|XXX|HACK", re.IGNORECASE),
    re.compile(r"println!|dbg!"),
    re.compile(r"unsafe\s*\{"),
    re.compile(r"#\[allow\("),
)
_DOCUMENTED = re.compile(r"///|//!|/\*\*")


@dataclass
class RegexFilters:
    """One after the other, the first that refuses gives the reason."""

    least: int = 128
    most: int = 100_000
    ratio: float = 2.0
    reasons: Counter[str] = field(default_factory=Counter)

    def keeps(self, content: str, path: str) -> bool:
        """Whether the row stays; counts the reason."""
        reason = self._reason(content, path)
        self.reasons[reason] += 1
        return reason == "passed"

    def _reason(self, content: str, path: str) -> str:  # noqa: PLR0911 (one per filter)
        if any(part in path for part in ("/target/", "/node_modules/", "/vendor/", "/__pycache__/")):
            return "vendor_path"
        if path.endswith("Cargo.lock"):
            return "vendor_path"
        if _TEST.search(path) or _TEST.search(content):
            return "test_file"
        if _EXAMPLE.search(path):
            return "example_file"
        if _BENCH.search(path):
            return "bench_file"
        if len(content) < self.least:
            return "too_short"
        if len(content) > self.most:
            return "too_long"
        idiomatic = sum(1 for pattern in _IDIOMATIC if pattern.search(content))
        low = sum(1 for pattern in _LOW_QUALITY if pattern.search(content))
        if idiomatic == 0 or idiomatic < low * self.ratio:
            return "not_idiomatic"
        return "passed" if _DOCUMENTED.search(content) else "no_documentation"

"""Stream the kept rows of one source to a mixture: `RowStream` of `data.mixing.mixture`.

Rows are counted and dropped as the mixture pulls them, so what was read ahead but never pulled counts for nothing. A
source that is read again (a mixture that repeats, or resumes) yields the rows it kept the first time, without asking
the filters again; that memory takes one byte per row.

Not covered: the order of several sources (`data.mixing.mixture`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from burnish.config.data.filters import FilterConfig
from burnish.config.data.training_data import SourceConfig, source_name
from burnish.data.filters.base import Filter, RustCode
from burnish.data.filters.rules.compiled import JudgedFilter
from burnish.data.filters.stateless_pool import Examined, Examiner
from burnish.data.sources.hub import Loader
from burnish.data.sources.reading import BadRows, nothing_usable, raw_rows
from burnish.records import Example

UNUSABLE = "unusable"
"""The reason of a row that cannot be read as an example."""
NOT_JUDGED = "not_judged"
"""The reason of a row that the machine failed to judge; it is not trained on."""
_KEPT, _DROPPED = 1, 2


@dataclass(frozen=True)
class Dropped:
    """A rejected row with its reason."""

    id: str
    source: str
    reason: str
    detail: str


@dataclass
class SourceCounts:
    """Counts of a source's rows by outcome."""

    total: int = 0
    passed: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


class FilteredSource:
    """One source behind its filters.

    Args:
        source: what to read.
        filters: all filters, in order; each row's reason is the first that does not keep it.
        ordered: those of them that see rows one by one, by their place in ``filters``.
        examiner: runs the others; made with the same ``filters``.
        bad: takes the unusable rows of all sources.
        drop: called with every row that is left out, in order.
        load: stands in for `datasets.load_dataset`.
    """

    def __init__(
        self,
        source: SourceConfig,
        *,
        filters: Sequence[FilterConfig],
        ordered: Mapping[int, Filter],
        examiner: Examiner,
        bad: BadRows,
        drop: Callable[[Dropped], None],
        load: Loader | None = None,
    ) -> None:
        self.name = source_name(source)
        self.counts = SourceCounts()
        self._source = source
        self._filters = filters
        self._ordered = dict(sorted(ordered.items()))
        self._examiner = examiner
        self._bad = bad
        self._drop = drop
        self._load = load
        self._fates = bytearray()
        """By position; 0 where nothing is decided."""
        self._ended = False
        """Whether all rows were decided on."""

    def rows(self, start: int) -> Iterator[tuple[int, Example]]:
        """Yield kept rows from position ``start`` on, each with the next position.

        Raises the errors of `stream`.
        """
        limit = self._source.limit
        position = start if limit is None else 0
        used = 0
        raw = raw_rows(self._source, position, self._load)
        for chunk in self._examiner.examine(raw, self._source, self.name, filtered=not self._ended):
            self._look_ahead(chunk, position, start)
            for row in chunk:
                if limit is not None and used >= limit:
                    self._end(start, used)
                    return
                position += 1
                used += row.example is not None
                if position > start and self._keeps(row, position - 1) and row.example is not None:
                    yield position, row.example
        self._end(start, used)

    def _end(self, start: int, used: int) -> None:
        if start == 0 and not used:
            raise nothing_usable(self._source)
        self._ended = self._ended or 0 not in self._fates

    def _keeps(self, row: Examined, position: int) -> bool:
        fate = self._fates[position] if position < len(self._fates) else 0
        if not fate:
            reason = self._reason(row)
            fate = _DROPPED if reason else _KEPT
            self._fates.extend(bytes(max(0, position + 1 - len(self._fates))))
            self._fates[position] = fate
            self.counts.total += 1
            self.counts.passed += not reason
            if reason:
                self.counts.reasons[reason[0]] += 1
                row_id = row.example.id if row.example is not None else f"{row.file}:{row.place}".rstrip(":")
                self._drop(Dropped(row_id, self.name, *reason))
        return fate == _KEPT

    def _reason(self, row: Examined) -> tuple[str, str] | None:
        """Return reason and detail; None for a row that all filters keep."""
        example = row.example
        if example is None:
            self._bad.add(row.file, row.place, row.detail)
            return UNUSABLE, row.detail
        code = RustCode(example)
        for place, rule in self._ordered.items():
            if row.refused is not None and row.refused < place:
                break
            if not rule.keeps(example, code):
                judged = not isinstance(rule, JudgedFilter) or rule.judgement(code).compiled is not None
                return self._filters[place].kind if judged else NOT_JUDGED, rule.detail(example, code)
        return None if row.refused is None else (self._filters[row.refused].kind, row.detail)

    def _look_ahead(self, chunk: Sequence[Examined], position: int, start: int) -> None:
        """Pass coming rows to filters that judge many rows at once."""
        for place, rule in self._ordered.items():
            if isinstance(rule, JudgedFilter):
                rule.look_ahead(
                    [
                        RustCode(row.example)
                        for at, row in enumerate(chunk, position)
                        if row.example is not None
                        and at >= max(start, len(self._fates))
                        and (row.refused is None or row.refused > place)
                    ]
                )

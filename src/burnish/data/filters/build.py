"""Build filters from configurations.

Task sets and near-duplicate indexes are loaded only where a filter needs them. Not covered: the judge itself, which
the caller hands in.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from burnish.config.data.filters import Contaminated, DoesNotCompile, FilterConfig, HasLints, NearDuplicate
from burnish.data.filters.base import Filter, Judge
from burnish.data.filters.rules.compiled import JudgedFilter
from burnish.data.filters.rules.content import (
    DOCUMENTED,
    PARSED,
    idiom_filter,
    length_filter,
    quality_filter,
)
from burnish.data.filters.rules.files import FILES
from burnish.data.filters.rules.licence import LicenceFilter
from burnish.errors import DataError
from burnish.fsio import digest_file

JUDGED = (DoesNotCompile, HasLints)
ORDERED = (*JUDGED, NearDuplicate)
"""Configurations whose filters see rows one by one, in one process."""


def needs_judge(filters: Sequence[FilterConfig]) -> bool:
    """Return whether any filter needs the compiler."""
    return any(isinstance(config, JUDGED) for config in filters)


def filter_files(filters: Sequence[FilterConfig]) -> list[Path]:
    """Return the files that filters read; raise DataError for one that is not there."""
    paths = [path for config in filters if isinstance(config, Contaminated) for path in config.tasks]
    for path in paths:
        if not path.is_file():
            raise DataError(f"task file {path} does not exist.", "Check `tasks` of the filter contaminated.")
    return paths


def filter_digests(filters: Sequence[FilterConfig]) -> list[JsonValue]:
    """List path and digest of every file that a filter reads."""
    return [[str(path), digest_file(path)] for path in filter_files(filters)]


def stateless_filter(config: FilterConfig) -> Filter:
    """Build a filter that may be copied to any process."""
    return FILES.get(config.kind) or _MADE[config.kind](config)


@contextlib.contextmanager
def ordered_filters(configs: Sequence[FilterConfig], judge: Judge | None, folder: Path) -> Iterator[dict[int, Filter]]:
    """Build the filters that see rows in order, by their index in the configuration.

    ``folder`` takes the indexes of near-duplicates, which are closed at the end. ``judge`` is there when one of
    ``configs`` compiles.
    """
    made: dict[int, Filter] = {}
    with contextlib.ExitStack() as stack:
        for place, config in enumerate(configs):
            if isinstance(config, NearDuplicate):
                from burnish.data.filters.rules.overlaps import NearDuplicateFilter
                from burnish.data.overlap.near_duplicates import NearDuplicates, Sketcher

                sketcher = Sketcher(threshold=config.threshold, run=config.run, permutations=config.permutations)
                index = NearDuplicates(folder / f"near_duplicates_{place}.sqlite", sketcher)
                made[place] = NearDuplicateFilter(stack.enter_context(contextlib.closing(index)))
            elif isinstance(config, JUDGED):
                if judge is None:
                    raise ValueError(f"{config.kind} needs a judge")
                made[place] = JudgedFilter(config, judge)
        yield made


def _contaminated(config: Contaminated) -> Filter:
    from burnish.data.filters.rules.overlaps import ContaminatedFilter
    from burnish.data.overlap.contamination import Contamination
    from burnish.data.tasks.task_sets import read_any_tasks

    sets = {str(path): read_any_tasks(path) for path in config.tasks}
    return ContaminatedFilter(Contamination(sets, run=config.run, share=config.share))


_MADE: dict[str, Callable[[Any], Filter]] = {
    "too_short": length_filter,
    "too_long": length_filter,
    "not_idiomatic": idiom_filter,
    "no_documentation": lambda _: DOCUMENTED,
    "low_quality": quality_filter,
    "does_not_parse": lambda _: PARSED,
    "licence": LicenceFilter,
    "contaminated": _contaminated,
}
"""Constructors of filters, by ``kind``."""

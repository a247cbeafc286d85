"""Stream the recipe's sources as a mixture during training.

Counts and left-out rows are written as for a prepared set, of this attempt's reading. Left out on purpose: filters that
remember earlier rows, which a resumed training could not continue.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from burnish.config.stages.kinds.pretrain import PretrainStage
from burnish.config.stages.kinds.sft import SftStage
from burnish.data.mixing.mixture import Mixture
from burnish.data.mixing.sequence_stream import OpenMixture
from burnish.data.sources.reading import BadRows
from burnish.errors import ConfigError
from burnish.records.layout import REJECTED
from burnish.scale.processes import is_first
from burnish.workflows.rows.filter_counts import FilterStats, write_stats
from burnish.workflows.rows.prepare import Plan, dropped_rows, judge_of, open_sources
from burnish.workflows.run.context import Run

REMEMBERING = ("near_duplicate",)
"""Filters whose result depends on earlier rows."""
SEEDS_APART = 1_000_003
"""Seed offset between the passes of a run, so that neighbouring seeds share no pass."""


@contextlib.contextmanager
def opened_mixture(run: Run, stage: SftStage | PretrainStage, folder: Path) -> Iterator[OpenMixture]:
    """Open passes of the mixture; write counts to ``folder`` when the body ends.

    Raises ConfigError for a filter that remembers rows, or a mixture with a shuffle over all rows.
    """
    data = run.recipe.data
    for config in data.filters:
        if config.kind in REMEMBERING:
            raise ConfigError(
                f"stage {stage.name!r} streams, but the filter {config.kind} remembers all earlier rows.",
                "Filter first with burnish data prepare, or set streaming to false.",
            )
    if data.mixture.shuffle == "full":
        raise ConfigError(
            f"stage {stage.name!r} streams, but data.mixture.shuffle 'full' reads all rows before the first.",
            "Set data.mixture.shuffle to window, or streaming to false.",
        )
    bad = BadRows(data.bad_rows)
    kept = bool(data.filters) and is_first()  # several processes read the same rows
    with (
        dropped_rows(folder, written=kept) as drop,
        open_sources(Plan.of(run.recipe), judge_of(run), bad, drop) as sources,
    ):
        streams = {source.name: source for source in sources}
        try:
            yield lambda number, state: Mixture(streams, data.mixture, run.recipe.seed + SEEDS_APART * number, state)
        finally:
            if is_first():
                bad.write(folder / REJECTED)
            if kept:
                passed = sum(source.counts.passed for source in sources)
                write_stats(folder, FilterStats({source.name: source.counts for source in sources}, passed))

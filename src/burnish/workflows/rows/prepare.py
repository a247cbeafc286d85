"""``burnish data prepare``: sources -> filters -> mixture -> ``rows.jsonl``, also used by a run's SFT stages.

    rows.jsonl         the rows that stay, as `Example` records, in the order of the mixture
    dropped.jsonl      id, source, reason and detail of every row that does not
    filter_stats.json  totals and reasons per source; the same as CSV in filter_stats.csv
    metrics.jsonl      the same as one row per source, in the schema of all stages

Cached and streaming mode share one path: with a cache the rows are written to its folder, and copied to ``out`` from
there. ``out`` appears only when complete. Left out on purpose: tokens.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import JsonValue

from burnish.config.data.filters import FilterConfig
from burnish.config.data.mixture import MixtureConfig
from burnish.config.data.training_data import SourceConfig, source_name
from burnish.config.stages.kinds.pretrain import PretrainStage
from burnish.config.stages.kinds.sft import SftStage
from burnish.config.stages.recipe import Recipe
from burnish.config.verbs.prepare import PrepareConfig
from burnish.data.cache import DatasetCache, step_version
from burnish.data.filters import filtered_source as filtered
from burnish.data.filters.base import Judge
from burnish.data.filters.build import filter_digests, needs_judge, ordered_filters
from burnish.data.filters.filtered_source import Dropped, FilteredSource
from burnish.data.filters.stateless_pool import Examiner
from burnish.data.mixing import mixture
from burnish.data.mixing.mixture import Mixture
from burnish.data.sources.reading import BadRows, source_digests
from burnish.data.tasks.task_sets import drawn_references, examples_from_tasks
from burnish.errors import DataError, RunFolderError
from burnish.fsio import disk_errors, whole_folder
from burnish.progress import progress
from burnish.records import Example, Task
from burnish.records.layout import DROPPED, REJECTED, ROWS
from burnish.workflows.rows.compile_filter import VerifierJudge, open_judge
from burnish.workflows.rows.filter_counts import FilterStats, write_stats
from burnish.workflows.run.context import Run

STEP = "prepared"


@dataclass(frozen=True)
class Plan:
    """Everything that decides the rows."""

    sources: Sequence[SourceConfig]
    filters: Sequence[FilterConfig]
    mixture: MixtureConfig
    seed: int
    bad_rows: int
    workers: int = 1

    @classmethod
    def of(cls, recipe: Recipe) -> Plan:
        """Return the plan of a recipe's training rows."""
        data = recipe.data
        return cls(data.sources, data.filters, data.mixture, recipe.seed, data.bad_rows)


@dataclass
class Opened:
    """Rows that are being read."""

    rows: Iterable[Example]
    bad: BadRows
    sources: Sequence[FilteredSource]

    def stats(self, written: int) -> FilterStats:
        """Return the counts so far."""
        return FilterStats({source.name: source.counts for source in self.sources}, written)


def prepare_data(config: PrepareConfig) -> FilterStats:
    """Write the kept rows into ``config.out`` and return the counts.

    Raises RunFolderError when ``out`` is not empty, DataError for unusable sources and rows, and errors of the verifier
    when a filter compiles.
    """
    if config.out.exists() and (not config.out.is_dir() or any(config.out.iterdir())):
        raise RunFolderError(
            f"{config.out} is not empty.", f"Give a new folder with --set out=FOLDER, or remove {config.out}."
        )
    plan = Plan(config.sources, config.filters, config.mixture, config.seed, config.bad_rows, config.workers)
    with open_judge(config.filters, config.verify, config.cache) as judge:
        if config.streaming:
            with whole_folder(config.out) as folder:
                write_rows(plan, judge, folder)
        else:
            cache = DatasetCache(config.cache)
            entry = cache.build(STEP, _key(plan, judge), lambda folder: write_rows(plan, judge, folder))
            with whole_folder(config.out) as folder:
                shutil.copytree(entry, folder, dirs_exist_ok=True)
    return FilterStats.read(config.out)


def write_rows(plan: Plan, judge: Judge | None, folder: Path) -> None:
    """Write kept rows, rejected rows and counts into an empty folder."""
    with disk_errors(folder), (folder / ROWS).open("w") as rows, dropped_rows(folder, written=True) as drop:
        with open_rows(plan, judge, drop) as opened:
            written = 0
            for example in opened.rows:
                rows.write(example.to_json() + "\n")
                written += 1
        rows.flush()
        os.fsync(rows.fileno())
    write_stats(folder, opened.stats(written))


@contextlib.contextmanager
def open_rows(plan: Plan, judge: Judge | None, drop: Callable[[Dropped], None]) -> Iterator[Opened]:
    """Yield the rows of a plan in order, read on demand; ``drop`` gets every rejected row."""
    bad = BadRows(plan.bad_rows)
    with progress("prepare", total=None, unit="rows") as bar:

        def dropped(row: Dropped) -> None:
            bar.advance()
            drop(row)

        with open_sources(plan, judge, bad, dropped) as sources:
            mixed = Mixture({source.name: source for source in sources}, plan.mixture, plan.seed)

            def rows() -> Iterator[Example]:
                for example in mixed:
                    bar.advance()
                    yield example

            yield Opened(rows(), bad, sources)


@contextlib.contextmanager
def open_sources(
    plan: Plan, judge: Judge | None, bad: BadRows, drop: Callable[[Dropped], None]
) -> Iterator[list[FilteredSource]]:
    """Yield the filtered sources of a plan; ``bad`` counts unusable rows, ``drop`` gets every rejected row."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="burnish-")))
        ordered = stack.enter_context(ordered_filters(plan.filters, judge, folder))
        examiner = stack.enter_context(Examiner(plan.filters, plan.workers))
        yield [
            FilteredSource(source, filters=plan.filters, ordered=ordered, examiner=examiner, bad=bad, drop=drop)
            for source in plan.sources
        ]


@contextlib.contextmanager
def dropped_rows(folder: Path, *, written: bool) -> Iterator[Callable[[Dropped], None]]:
    """Yield a function that writes rejected rows to ``dropped.jsonl`` if they are ``written``, otherwise ignores them.

    Without filters only unusable rows are dropped, which are in ``rejected.jsonl``.
    """
    if not written:
        yield lambda _row: None
        return
    with (folder / DROPPED).open("w") as file:
        yield lambda row: print(json.dumps(asdict(row), ensure_ascii=False), file=file)
        file.flush()
        os.fsync(file.fileno())


def examples_of_tasks(tasks: Sequence[Task]) -> list[Example]:
    """Return the references of a task set's training part as rows; raise DataError without any."""
    examples = examples_from_tasks(tasks)
    if not examples:
        raise DataError("no training rows: the task set has no training part", "Set data.sources.")
    return examples


def judge_of(run: Run) -> VerifierJudge | None:
    """Return the judge of a run's filters; None when no filter needs the compiler."""
    return VerifierJudge(run.judge(), run.recipe.verify) if needs_judge(run.recipe.data.filters) else None


def training_examples(run: Run, stage: SftStage | PretrainStage, folder: Path) -> list[Example]:
    """Prepare a stage's rows: the filtered mixture of sources, or the task set's references.

    ``folder`` gets ``rejected.jsonl`` if there are unusable rows, and with filters ``dropped.jsonl`` and the counts.
    """
    data = run.recipe.data
    if not data.sources:
        return examples_of_tasks(run.train_tasks(stage.name))
    with (
        dropped_rows(folder, written=bool(data.filters)) as drop,
        open_rows(Plan.of(run.recipe), judge_of(run), drop) as opened,
    ):
        try:
            examples = list(opened.rows)
        finally:
            opened.bad.write(folder / REJECTED)
    if data.filters:
        write_stats(folder, opened.stats(len(examples)))
    if not examples:
        raise DataError("the filters leave no row to train on.", f"See {folder / DROPPED}, and relax data.filters.")
    share = stage.mix_references if isinstance(stage, SftStage) else 0.0
    if share:
        key = ("reference", run.recipe.seed)
        examples += examples_of_tasks(drawn_references(run.train_tasks(stage.name), share, len(examples), key))
    return examples


def _key(plan: Plan, judge: VerifierJudge | None) -> dict[str, JsonValue]:
    return {
        "sources": {
            source_name(source): [source.model_dump(mode="json"), source_digests(source)] for source in plan.sources
        },
        "filters": [config.model_dump(mode="json") for config in plan.filters],
        "filter files": filter_digests(plan.filters),
        "mixture": plan.mixture.model_dump(mode="json"),
        "seed": plan.seed,
        "bad_rows": plan.bad_rows,
        "verifier": "" if judge is None else judge.digest,
        "code": step_version(filtered, mixture),
    }

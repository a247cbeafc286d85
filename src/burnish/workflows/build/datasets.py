"""Build data sets without a recipe: the Rust task set, published questions, MovieLens.

Every builder writes a new folder atomically, with a ``meta.json`` that describes its sources. Left out on
purpose: downloading the published files.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from burnish import __version__
from burnish.config.verbs.build import (
    BuildQuestionsConfig,
    BuildRepairsConfig,
    BuildTasksConfig,
    BuildTokensConfig,
    MovieLensConfig,
)
from burnish.data.builders.mathematics import GSM8K, MATH500, OPEN_MATH
from burnish.data.builders.movielens import alpaca_row, movielens_task, read_movielens
from burnish.data.builders.multiple_choice import ARC, OPENBOOKQA, PIQA
from burnish.data.builders.passages import BOOLQ, SQUAD
from burnish.data.builders.questions import QuestionReader
from burnish.data.tasks.task_sets import examples_from_tasks, load_task_set
from burnish.errors import DataError
from burnish.fsio import whole_folder, write_json
from burnish.records import Completion, Task
from burnish.records.files import write_records
from burnish.records.layout import EVAL, HELD_OUT, META, REJECTED, TEST, TRAIN, VERDICT_CACHE
from burnish.verify import Verifier
from burnish.workflows.verify.judge import judge

_Built = BuildTasksConfig | BuildQuestionsConfig | MovieLensConfig | BuildTokensConfig | BuildRepairsConfig
QUESTIONS = {
    questions.name: questions for questions in (ARC, OPENBOOKQA, PIQA, BOOLQ, SQUAD, GSM8K, OPEN_MATH, MATH500)
}

MOVIELENS_LEAKS = {
    "guarded": [
        "each user's test candidates are younger than their evaluation candidates, those younger than training's",
        "no film is rated twice by one user, so no history holds the candidate",
        "equal timestamps are ordered by film, so the order of the file does not matter",
    ],
    "not guarded": [
        "the split is per user: training rows of other users may be younger than a test row",
        "histories of evaluation and test rows hold ratings of the parts before them",
        "a history shows the scale on which the user rates",
    ],
}


def build_rust_task_files(config: BuildTasksConfig) -> dict[str, Any]:
    """Write the Rust task set; with ``prove``, after every reference passed its tests without a lint.

    Returns the content of ``meta.json``. Raises DataError when ``out`` exists or naming references that fail, and what
    `Verifier.verify` raises.
    """
    with built("rust-tasks", config, "verify") as (folder, meta):
        tasks = load_task_set(config.tasks, config.seed)
        proven: dict[str, float] = {}
        if config.prove:
            proven = prove_references([*tasks.train, *tasks.held_out], config)
        write_records(folder / TRAIN, tasks.train)
        write_records(folder / HELD_OUT, tasks.held_out)
        counts = {"train": len(tasks.train), "held_out": len(tasks.held_out)}
        levels = Counter(task.level for task in (*tasks.train, *tasks.held_out))
        meta |= {
            **counts,
            "families": len({task.family for task in (*tasks.train, *tasks.held_out)}),
            "families_in_both": len({t.family for t in tasks.train} & {t.family for t in tasks.held_out}),
            "levels": {str(level): levels[level] for level in sorted(levels)},
            "kinds": _kinds(tasks.train, tasks.held_out),
            **proven,
        }
    return meta


def build_questions(name: str, config: BuildQuestionsConfig) -> dict[str, Any]:
    """Write the training rows and held-out tasks of a published data set; return the content of ``meta.json``.

    Raises DataError naming the file and row that cannot be used, or when ``out`` exists.
    """
    reader = QuestionReader(QUESTIONS[name], config.bad_rows)
    counts = {"train": 0, "held_out": 0}
    with (
        built(name, config) as (folder, meta),
        (folder / TRAIN).open("w") as train,
        (folder / HELD_OUT).open("w") as kept,
    ):

        def keep(task: Task) -> None:
            kept.write(task.to_json() + "\n")
            counts["held_out"] += 1

        if config.test is not None:
            for task in reader.held_out(config.test):
                keep(task)
        if config.train is not None:
            for is_held_out, task in reader.split(
                config.train, share=config.test_share, seed=config.seed, limit=config.limit
            ):
                if is_held_out:
                    keep(task)
                else:
                    (example,) = examples_from_tasks([task], name)
                    train.write(example.to_json() + "\n")
                    counts["train"] += 1
        report = reader.report
        meta |= {
            "licence": QUESTIONS[name].licence,
            "rows": report.rows,
            **counts,
            "left_out": dict(report.left_out.most_common()),
            "rejected": len(report.rejected),
        }
        if report.rejected:
            _write_rows(folder / REJECTED, report.rejected)
    return meta


def build_movielens(config: MovieLensConfig) -> dict[str, Any]:
    """Write training and evaluation rows and test tasks; return the content of ``meta.json``.

    Raises DataError naming file and line of an unreadable row, or when ``out`` exists.
    """
    with built("movielens", config) as (folder, meta):
        parts = read_movielens(config)
        _write_rows(folder / TRAIN, (alpaca_row(candidate, config) for candidate in parts["train"]))
        _write_rows(folder / EVAL, (alpaca_row(candidate, config) for candidate in parts["eval"]))
        _write_rows(
            folder / TEST, (json.loads(movielens_task(candidate, config).to_json()) for candidate in parts["test"])
        )
        meta |= {
            **{f"num_{part}": len(candidates) for part, candidates in parts.items()},
            "yes_share": {
                part: round(sum(candidate.liked for candidate in candidates) / len(candidates), 4)
                if candidates
                else None
                for part, candidates in parts.items()
            },
            "repeated_titles_left_out": parts["train"].repeated_titles,
            "leaks": MOVIELENS_LEAKS,
        }
    return meta


@contextmanager
def built(builder: str, config: _Built, *hidden: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield a folder that becomes ``config.out`` on success, and its description so far, written as ``meta.json``.

    ``hidden`` settings are left out of the description, as ``out`` is.
    """
    with new_folder(config.out) as folder:
        settings = config.model_dump(mode="json", exclude={"out", *hidden})
        meta: dict[str, Any] = {"builder": builder, "burnish": __version__, "settings": settings}
        yield folder, meta
        write_json(folder / META, meta)


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Yield a folder that becomes ``out`` on success; raise DataError when ``out`` exists."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out} already exists", "Give a new folder with --set out=FOLDER.")
    with whole_folder(out) as part:
        yield part


def prove_references(tasks: Sequence[Task], config: BuildTasksConfig) -> dict[str, float]:
    """Judge every reference and return their number; raise DataError on failures or lints.

    The references are ours, so they may share compilations, which gives the same verdicts several times as fast.
    """
    answers = [Completion(task_id=task.id, text=task.reference or "", finish_reason="given") for task in tasks]
    verify = config.verify.model_copy(
        update={"cache": config.verify.cache or config.out.parent / ".cache" / VERDICT_CACHE}
    )
    with Verifier(verify, together="always", prepared=True) as verifier:
        verdicts = judge(verifier, tasks, answers)
    bad = [verdict for verdict in verdicts if verdict.status != "pass" or verdict.lints]
    if bad:
        first = bad[0]
        why = first.reason if first.status != "pass" else f"lints {', '.join(first.lints)}"
        raise DataError(
            f"{len(bad)} of {len(verdicts)} references do not pass without lints, first {first.task_id}: {why}",
            "Use another seed or fewer tasks: " + ", ".join(verdict.task_id for verdict in bad[:10]),
        )
    return {"references_proven": len(verdicts)}


def _kinds(train: Iterable[Task], held_out: Iterable[Task]) -> dict[str, dict[str, Any]]:
    """Count tasks by kind, the first part of a family's name, with the levels that the kind has."""
    kinds: dict[str, dict[str, Any]] = {}
    for side, tasks in (("train", train), ("held_out", held_out)):
        for task in tasks:
            kind = kinds.setdefault(task.family.split("/")[0], {"levels": [], "train": 0, "held_out": 0})
            kind[side] += 1
            kind["levels"] = sorted({*kind["levels"], task.level})
    return dict(sorted(kinds.items()))


def _write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")

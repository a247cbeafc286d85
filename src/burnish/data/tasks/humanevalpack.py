"""Read HumanEvalPack for Rust (Muennighoff et al. 2023, OctoPack) from ``problems.jsonl`` as published.

Every problem imports the same three external crates whether it needs them or not. Unused imports are
dropped, by the syntax tree; crates that the reference or its tests use are listed in ``Task.crates``. A
solution continues the declaration, which ends in an open ``{``.

Not covered: the ``example_test`` field (empty in the Rust part) and the bug descriptions.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from burnish.errors import DataError
from burnish.fsio import given_lines, parse_json
from burnish.records import Completion, Message, RustTests, Task
from burnish.syntax.crates import imported_crates, unused_imports
from burnish.syntax.source import apply_edits, parse

_FIELDS = ("task_id", "declaration", "canonical_solution", "test", "entry_point", "instruction")
LICENCE = "MIT"
ORIGIN = "HumanEvalPack (Rust)"


def load_humanevalpack(path: Path) -> tuple[Task, ...]:
    """Read tasks in the order of the file. Raises DataError naming the line of a missing or broken row."""
    return tuple(_task(row) for row in _rows(path, _FIELDS))


def read_answers(path: Path, field: str) -> tuple[Completion, ...]:
    """Read ``field`` (``canonical_solution``, ``buggy_solution``) as completions marked ``given``."""
    return tuple(
        Completion(task_id=row["task_id"], text=row[field], finish_reason="given")
        for row in _rows(path, ("task_id", field))
    )


def _rows(path: Path, fields: tuple[str, ...]) -> list[dict[str, Any]]:
    """Read rows that hold every one of ``fields`` as text."""
    if not path.is_file():
        raise DataError(f"file {path} does not exist.", "Give the path of problems.jsonl.")
    rows: list[dict[str, Any]] = []
    for number, line in given_lines(path):
        try:
            row = parse_json(line)
        except ValueError as error:
            raise DataError(f"{path}:{number}: not JSON: {error}.", "Fetch the file again.") from error
        missing = [f for f in fields if not isinstance(row, dict) or not isinstance(row.get(f), str)]
        if missing:
            known = ", ".join(sorted(row)) if isinstance(row, dict) else "nothing"
            raise DataError(f"{path}:{number}: no text under {missing[0]!r}.", f"The row holds {known}.")
        rows.append(row)
    return rows


def _task(row: dict[str, Any]) -> Task:
    tests, test_crates = _without_unused_crates(row["test"], "")
    prompt, crates = _without_unused_crates(row["declaration"], f"{row['canonical_solution']}{row['test']}")
    return Task(
        id=row["task_id"],
        family=row["task_id"],
        prompt=(Message(role="user", content=f"{row['instruction']}\n\n```rust\n{prompt.strip()}\n```"),),
        code_prompt=row["declaration"],  # as published: identifies an answer that repeats its unused imports
        entry_point=row["entry_point"],
        tests=RustTests(source=tests),
        reference=prompt + row["canonical_solution"],
        wrong=(row["buggy_solution"],) if isinstance(row.get("buggy_solution"), str) else (),
        crates=tuple(sorted(crates | test_crates)),
        licence=LICENCE,
        origin=ORIGIN,
    )


def _without_unused_crates(source: str, users: str) -> tuple[str, set[str]]:
    """Remove lines that import crates which neither ``source`` nor ``users`` name; return the crates that stay."""
    places, crates = unused_imports(source, imported_crates(parse(source)), source + users)
    data = source.encode()
    return apply_edits(source, [(start, end + data.startswith(b"\n", end), "") for start, end in places]), crates

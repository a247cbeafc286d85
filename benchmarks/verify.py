"""What a verdict costs: this verifier in its sandbox beside the Rust tools alone, on the same programs in one run.

    python -m benchmarks.verify [--json FILE] [--programs N] [--samples N] [--workers N]

CPU time (this process and all it starts) is the figure to trust; programs go through all ways in turns, a part at a
time, so that a busy machine slows every way alike. Two thirds of the programs are references of the built-in tasks, the
others are spoiled; where it is said, all are good. A verifier's own start is counted with its verdicts. Not covered:
programs of models.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from benchmarks.bare_tools import BareTools
from benchmarks.goals import Goal, report
from benchmarks.peak_memory import peak_kib
from benchmarks.rust_tests import ANSWERS, Answered, Judged, PlainTests, draw_answers
from benchmarks.trusted_programs import Program, draw_programs
from burnish.config.verify import VerifyConfig
from burnish.protocols import Job, JobResult, Sandbox
from burnish.records import Completion, Task
from burnish.verify import Verifier
from burnish.verify.judge.ladder import Goal as Depth
from burnish.verify.judge.pool import default_workers
from burnish.verify.reading import extract
from burnish.verify.reading.shown import text_of_prompt
from burnish.verify.sandbox.bubblewrap import BubblewrapSandbox

PART = 60
"""Programs that go through one way before the next has its turn."""
TURN = 20
"""Tasks with tests in Rust that go through one way before the next has its turn: as many as a batch of GRPO holds."""

Item = TypeVar("Item")


@dataclass
class Way(Generic[Item]):
    """One way to judge programs, and what it has cost so far."""

    name: str
    work: Callable[[Sequence[Item]], object]
    good_only: bool = False
    end: Callable[[], object] = lambda: None
    cpu_s: float = 0.0
    wall_s: float = 0.0
    programs: int = field(default=0)

    def measure(self, programs: Sequence[Item]) -> None:
        """Do some programs and add up."""
        self._measured(lambda: self.work(programs))
        self.programs += len(programs)

    def finish(self) -> None:
        """End what was kept running: only now is its CPU time known."""
        self._measured(self.end)

    @property
    def cpu_ms(self) -> float:
        """CPU milliseconds per program."""
        return 1000 * self.cpu_s / self.programs

    def _measured(self, work: Callable[[], object]) -> None:
        cpu, wall = _cpu_s(), time.perf_counter()
        work()
        self.cpu_s += _cpu_s() - cpu
        self.wall_s += time.perf_counter() - wall


class CountingSandbox:
    """Counts the processes that another sandbox runs."""

    def __init__(self, inner: Sandbox) -> None:
        self._inner = inner
        self.runs = 0

    @property
    def layers(self) -> tuple[str, ...]:
        return self._inner.layers

    def run(self, job: Job) -> JobResult:
        self.runs += 1
        return self._inner.run(job)


def _cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _ours(
    name: str, workers: int, depth: Depth, cache: Path, *, singly: bool = False, apart: bool = False,
    good_only: bool = False,
) -> Way[Program]:  # fmt: skip
    """``singly``: each program has a compilation of its own; ``apart``: and a compiler and a sandbox, too."""
    layers = ("own-compile-sandbox",) if apart else ()
    config = VerifyConfig(workers=workers, cache=cache, min_isolation=layers)
    verifier = Verifier(config, together="never" if singly else "worth")

    def work(programs: Sequence[Program]) -> None:
        pairs = [p.as_program() if depth == "run" else p.as_library() for p in programs]
        verdicts = verifier.verify(pairs, goals=[depth] * len(pairs))
        wrong = [
            v for v, p in zip(verdicts, programs, strict=True) if v.status == "infra" or (p.good and v.status != "pass")
        ]
        if wrong:
            raise RuntimeError(f"{name}: {wrong[0].status} {wrong[0].reason}: {wrong[0].detail}")

    return Way(name, work, good_only, verifier.close)


def measure_ways(count: int, workers: int, folder: Path) -> dict[str, Way[Program]]:
    """Send the programs through every way, part by part."""
    tools = BareTools(folder, workers)
    mixed, good = draw_programs(count), draw_programs(count, spoiled_every=0, seed=2)
    ways = [
        _ours("ours, check", workers, "check", folder / "check.sqlite", singly=True),
        _ours("ours, check, nothing shared", workers, "check", folder / "apart.sqlite", apart=True),
        Way("bare clippy-driver", tools.clippy_driver),
        Way("cargo check + clippy", tools.cargo_pair),
        Way("cargo build + clippy + run", tools.cargo_three),
        _ours("ours, run", workers, "run", folder / "run.sqlite"),
        Way("rustc -o && ./test", tools.rustc_and_run),
        _ours("ours, check joined, all good", workers, "check", folder / "joined.sqlite", good_only=True),
        Way("bare clippy-driver, all good", tools.clippy_driver, good_only=True),
        _ours("ours, values joined, all good", workers, "test", folder / "values.sqlite", good_only=True),
        Way("rustc -o && ./test, all good", tools.rustc_and_run, good_only=True),
        _ours("ours, values joined", workers, "test", folder / "mixed.sqlite"),
    ]
    for start in range(0, count, PART):
        for way in ways:
            way.measure((good if way.good_only else mixed)[start : start + PART])
    for way in ways:
        way.finish()
    tools.close()
    return {way.name: way for way in ways}


def reading_ms(count: int) -> float:
    """CPU milliseconds for finding the program in an answer as models write them: thinking, words, several blocks."""
    read = [(_spoken(p.code), text_of_prompt(p.task.prompt), p.task.entry_point) for p in draw_programs(count)]
    before = time.process_time()
    for text, shown, entry_point in read:
        extract(text, None, entry_point, prompt_text=shown)
    return 1000 * (time.process_time() - before) / len(read)


def _spoken(code: str) -> str:
    """A program in the longest of the usual forms."""
    thought = "It has to take each case in turn, and none may be left out. " * 20
    return (
        f"<think>\n{thought}\n```rust\n{code}\n```\n</think>\n\nHere it is:\n\n```rust\n{code}\n```\n\n"
        "It prints:\n\n```text\n1\n```\n\nUse it so:\n\n```rust\nlet x = 1;\n```\n"
    )


def measure_rust_tests(tasks: int, workers: int, folder: Path) -> dict[str, Way[Answered]]:
    """Send answers to tasks with tests in Rust through every way, some tasks at a time."""
    tools = BareTools(folder, workers)
    alone = Judged(folder / "alone.sqlite", workers, alone=True)
    shared = Judged(folder / "shared.sqlite", workers, alone=False)
    ways = [
        Way("ours, tests in Rust, one server each", alone.work, end=alone.end),
        Way("ours, tests in Rust, shared servers", shared.work, end=shared.end),
        Way("rustc --test && ./test", PlainTests(tools).work),
    ]
    answers = draw_answers(tasks)
    for start in range(0, len(answers), TURN * ANSWERS):
        for way in ways:
            way.measure(answers[start : start + TURN * ANSWERS])
    for way in ways:
        way.finish()
    tools.close()
    return {way.name: way for way in ways}


def recompiles_on_rerun(count: int, cache: Path) -> int:
    """Processes that a second run of the same programs starts."""
    inner = BubblewrapSandbox()
    counting = CountingSandbox(inner)
    with contextlib.closing(inner), Verifier(VerifyConfig(cache=cache), sandbox=counting) as again:
        again.verify([p.as_library() for p in draw_programs(count)], goals=["check"] * count)
    return counting.runs


def memory_growth(samples: int) -> float:
    """Peak memory of a process that judged all samples, over that of one that judged a tenth of them."""
    peaks: list[float] = []
    for count in (samples // 10, samples):
        command = [sys.executable, "-m", "benchmarks.verify", "--judge-only", str(count)]
        answer = subprocess.run(command, check=True, capture_output=True, text=True)
        peaks.append(float(json.loads(answer.stdout)["peak_kib"]))
    return peaks[1] / peaks[0]


def judge_only(count: int) -> None:
    """Judge a stream of different programs, nine of ten good, and print this process's peak memory."""
    programs = draw_programs(100, spoiled_every=10)

    def pairs() -> Iterator[tuple[Task, Completion]]:
        for number in range(count):
            program = programs[number % len(programs)]
            task, completion = program.as_library()
            yield task, completion.model_copy(update={"text": f"// sample {number}\n{program.code}"})

    with tempfile.TemporaryDirectory() as folder, Verifier(VerifyConfig(cache=Path(folder) / "v.sqlite")) as verifier:
        judged = sum(1 for _ in verifier.stream(pairs(), goal="check"))
    assert judged == count
    print(json.dumps({"peak_kib": peak_kib()}))


def show(ways: Mapping[str, Way[Program] | Way[Answered]]) -> str:
    """One line per way."""
    width = max(map(len, ways))
    head = f"{'way':<{width}}  {'CPU ms':>8}  {'verdicts/s':>10}"
    lines = [f"{w.name:<{width}}  {w.cpu_ms:8.1f}  {w.programs / w.wall_s:10.1f}" for w in ways.values()]
    return "\n".join([head, *lines])


def goals_of(
    ways: Mapping[str, Way[Program] | Way[Answered]], recompiles: int, growth: float, reading: float
) -> list[Goal]:
    """What the figures should be."""
    cost = {name: way.cpu_ms for name, way in ways.items()}
    check = cost["ours, check"] / cost["bare clippy-driver"]
    apart = cost["ours, check, nothing shared"] / cost["bare clippy-driver"]
    speedup = cost["cargo check + clippy"] / cost["ours, check"]
    three = cost["cargo build + clippy + run"] / cost["ours, run"]
    run = cost["ours, run"] / cost["rustc -o && ./test"]
    joined = cost["ours, check joined, all good"] / cost["bare clippy-driver, all good"]
    values = cost["ours, values joined, all good"] / cost["rustc -o && ./test, all good"]
    share_of_test = reading / cost["ours, values joined, all good"]  # the cheapest of verdicts with tests
    share_of_check = reading / cost["ours, check joined, all good"]
    plain = cost["rustc --test && ./test"]
    tests = cost["ours, tests in Rust, one server each"] / plain
    batched = cost["ours, tests in Rust, shared servers"] / plain
    return [
        Goal("check_vs_bare_clippy", check, "<= 0.75", check <= 0.75),
        Goal("unshared_check_vs_bare_clippy", apart, "<= 1.15", apart <= 1.15),
        Goal("speedup_vs_cargo_pair", speedup, ">= 6", speedup >= 6),
        Goal("speedup_vs_three_cargo_calls", three, "shown", True),
        Goal("run_vs_plain_rustc", run, "<= 0.85", run <= 0.85),
        Goal("joined_check_vs_bare_clippy", joined, "<= 0.4", joined <= 0.4),
        Goal("batched_values_vs_plain_rustc", values, "<= 0.25", values <= 0.25),
        Goal("reading_share_of_joined_test", share_of_test, "<= 0.03", share_of_test <= 0.03),
        Goal("reading_share_of_joined_check", share_of_check, "shown", True),
        Goal("rust_tests_vs_plain_rustc", tests, "<= 0.6", tests <= 0.6),
        Goal("batched_rust_tests_vs_plain_rustc", batched, "<= 0.25", batched <= 0.25),
        Goal("recompiles_on_rerun", recompiles, "0", recompiles == 0),
        Goal("memory_5000_vs_500", growth, "<= 1.1", growth <= 1.1),
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the goals to this file, too")
    parser.add_argument("--programs", type=int, default=300, help="different programs for each way")
    parser.add_argument("--tasks", type=int, default=40, help="tasks with tests in Rust, 8 answers to each")
    parser.add_argument("--samples", type=int, default=5000, help="programs judged to see whether memory grows")
    parser.add_argument("--workers", type=int, default=default_workers(), help="programs judged at once, by every way")
    parser.add_argument("--judge-only", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.judge_only is not None:
        judge_only(options.judge_only)
        return
    os.environ.pop("RUSTFLAGS", None)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        tested = measure_rust_tests(options.tasks, options.workers, folder)
        ways: dict[str, Way[Program] | Way[Answered]] = {**measure_ways(options.programs, options.workers, folder)}
        ways |= tested
        recompiles = recompiles_on_rerun(options.programs, folder / "check.sqlite")
    growth = memory_growth(options.samples)
    reading = reading_ms(options.programs)
    print(show(ways) + "\n")
    report(goals_of(ways, recompiles, growth, reading), options.json)


if __name__ == "__main__":
    main()

"""The programs that the verifier's benchmark judges: references of the built-in Rust tasks, and spoiled ones.

All are written by this project, so the baselines may run them without a sandbox. Every third is spoiled: it does not
parse, does not type-check, names something unknown, or computes something else. Not covered: what models write.
"""

from __future__ import annotations

from dataclasses import dataclass

from burnish.data.rust_tasks.build import build_rust_tasks
from burnish.records import Completion, Task, ValueTests

_SPOILED_EVERY = 3


@dataclass(frozen=True)
class Program:
    """One candidate: its task, its code as a library, and as a program that asserts the task's cases."""

    task: Task
    code: str
    program: str
    good: bool

    def as_library(self) -> tuple[Task, Completion]:
        """What the verifier takes to check or to test it."""
        return self.task, Completion(task_id=self.task.id, text=_fenced(self.code))

    def as_program(self) -> tuple[Task, Completion]:
        """What the verifier takes to run it."""
        return self.task.model_copy(update={"tests": None}), Completion(
            task_id=self.task.id, text=_fenced(self.program)
        )


def draw_programs(count: int, *, spoiled_every: int = _SPOILED_EVERY, seed: int = 1) -> list[Program]:
    """``count`` different programs; ``spoiled_every`` 0 spoils none."""
    tasks, _ = build_rust_tasks(train=count * 3, held_out=0, cases=6, seed=seed)
    found: dict[str, Program] = {}
    for task in tasks:
        if len(found) == count:
            break
        code = task.reference or ""
        if code in found or not isinstance(task.tests, ValueTests) or "fn main" in code:
            continue
        index = len(found)
        good = not spoiled_every or index % spoiled_every != spoiled_every - 1
        judged = code if good else _spoil(code, index // spoiled_every)
        found[code] = Program(task, judged, judged + _main(task.tests), good)
    if len(found) < count:
        raise ValueError(f"only {len(found)} different programs, {count} wanted")
    return list(found.values())


def _spoil(code: str, kind: int) -> str:
    match kind % 4:
        case 0:
            return code.rstrip().removesuffix("}")
        case 1:
            return code + '\npub fn spoiled() -> u32 {\n    "text"\n}\n'
        case 2:
            return code + "\npub fn spoiled() -> u32 {\n    unknown_name(3)\n}\n"
        case _:
            return code.replace("== 0", "!= 0").replace(" + ", " - ").replace(" > ", " < ")


def _main(tests: ValueTests) -> str:
    lines = []
    for case in tests.cases:
        lines.append(f"    {{ let value: {case.type} = {case.call}; ")
        lines.append(f'assert_eq!(format!("{{:?}}", value), r####"{case.expected}"####); }}\n')
    return "\nfn main() {\n" + "".join(lines) + "}\n"


def _fenced(code: str) -> str:
    return f"```rust\n{code}\n```\n"

"""Tests in Rust, several answers to each of some tasks, beside ``rustc --test && ./test`` with the same linker options.

The tasks are built-in ones whose functions take and return what can travel, with their cases written as one ``#[test]``
each; the answers to a task differ by a comment. A verifier's own start, the test programs and the references that it
tries first are counted with its verdicts. Not covered: answers that fail; programs of models.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bare_tools import BareTools
from benchmarks.trusted_programs import draw_programs
from burnish.config.verify import VerifyConfig
from burnish.records import Completion, RustTests, Task, ValueTests
from burnish.syntax.source import identifiers
from burnish.verify import Verifier
from burnish.verify.compiler.linker import linker_arguments
from burnish.verify.compiler.toolchain import find_toolchain
from burnish.verify.separate.declared import declared_by_code
from burnish.verify.separate.travel import CannotTravel

ANSWERS = 8


@dataclass(frozen=True)
class Answered:
    """One answer to a task with tests in Rust."""

    task: Task
    code: str

    @property
    def whole(self) -> str:
        """Answer and tests as one file."""
        assert isinstance(self.task.tests, RustTests)
        return f"{self.code}\n#[cfg(test)]\nmod tests {{\n    use super::*;\n{self.task.tests.source}}}\n"


def draw_answers(tasks: int, answers: int = ANSWERS) -> list[Answered]:
    """``answers`` to each of as many tasks, task by task."""
    found: list[Answered] = []
    for program in draw_programs(tasks * 3, spoiled_every=0, seed=3):
        tests = program.task.tests
        assert isinstance(tests, ValueTests)
        source = "".join(
            f"    #[test]\n    fn case_{n}() {{ let value: {c.type} = {c.call}; "
            f'assert_eq!(format!("{{:?}}", value), r####"{c.expected}"####); }}\n'
            for n, c in enumerate(tests.cases[:1])
        )
        task = program.task.model_copy(update={"tests": RustTests(source=source), "reference": program.code})
        try:
            declared_by_code(task, program.code, identifiers(source), ())
        except CannotTravel:
            continue
        found += [Answered(task, f"// answer {n}\n{program.code}") for n in range(answers)]
        if len(found) == tasks * answers:
            return found
    raise ValueError(f"only {len(found) // answers} tasks whose functions travel, {tasks} wanted")


class Judged:
    """The verifier on such answers; ``alone``: every answer has a build of its own."""

    def __init__(self, cache: Path, workers: int, *, alone: bool) -> None:
        config = VerifyConfig(workers=workers, cache=cache, min_grading="separate")
        self._verifier = Verifier(config, together="never" if alone else "worth")

    def work(self, answers: Sequence[Answered]) -> None:
        """Judge; raises RuntimeError when one does not pass."""
        pairs = [
            (answer.task, Completion(task_id=answer.task.id, text=f"```rust\n{answer.code}\n```\n"))
            for answer in answers
        ]
        wrong = [v for v in self._verifier.verify(pairs) if v.status != "pass" or v.grading != "separate"]
        if wrong:
            raise RuntimeError(f"{wrong[0].task_id}: {wrong[0].status} {wrong[0].reason}: {wrong[0].detail}")

    def end(self) -> None:
        """Close the verifier."""
        self._verifier.close()


class PlainTests:
    """``rustc --test && ./test`` per answer, linked as the verifier links."""

    def __init__(self, tools: BareTools) -> None:
        self._tools = tools
        toolchain = find_toolchain()
        loader = next((name for name in toolchain.runtime if Path(name).name.startswith("ld")), "")
        root = toolchain.sysroot
        self._options = ["--sysroot", str(root), "-C", "prefer-dynamic", "-C", "debuginfo=0", "-C", "strip=symbols"]
        self._options += linker_arguments(root, str(root), toolchain.host, loader)
        self._libraries = os.pathsep.join(str(p) for p in (root / "lib/rustlib" / toolchain.host).glob("lib"))

    def work(self, answers: Sequence[Answered]) -> None:
        """Build and run; raises RuntimeError when one does not pass."""
        for answer in answers:
            folder = self._tools.new_folder()
            (folder / "test.rs").write_text(answer.whole)
            words = ["--edition", "2021", "--test", "-o", "test", "test.rs", *self._options]
            built = self._tools.call("rustc", words, folder)
            ran = self._tools.call(str(folder / "test"), [], folder, {"LD_LIBRARY_PATH": self._libraries})
            if (built, ran) != (0, 0):
                raise RuntimeError(f"{answer.task.id}: rustc {built}, test {ran}")
            shutil.rmtree(folder)

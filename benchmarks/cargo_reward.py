"""The usual reward of GRPO on Rust: `cargo check`, `cargo clippy` and `cargo test` per completion, one after the other.

Models write these completions, so the three calls run in the project's sandbox, in one that is started for each
completion and holds a project of its own, without network. Nothing is judged before a whole batch is written, and
nothing is kept: an equal program is compiled again, as such rewards do.

What is trained on is the verifier's verdict (known before, so it costs nothing): both ways learn the same, and their
seconds are of the same work. How often cargo and the verdict agree on a pass is counted.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from burnish.protocols import Job, Limits, Sandbox
from burnish.records import Completion, Score, Task, ValueTests, Verdict
from burnish.train.grpo.rollouts import Answer, Judge, Write
from burnish.verify.compiler.toolchain import find_toolchain
from burnish.verify.reading import extract
from burnish.verify.sandbox.bubblewrap import BubblewrapSandbox

_CARGO = "/cargo"
_MANIFEST = '[package]\nname = "sample"\nversion = "0.1.0"\nedition = "{edition}"\n\n[workspace]\n'
_MIB = 1 << 20
_LIMITS = Limits(cpu_s=30, wall_s=60, memory_bytes=4096 * _MIB, pids=128, work_bytes=512 * _MIB, output_bytes=4 * _MIB)


class CargoCalls:
    """Three calls per program; use as a context manager, which removes what was copied for the sandbox."""

    def __init__(self) -> None:
        self._sandbox: Sandbox = BubblewrapSandbox()
        self._toolchain = find_toolchain()
        # cargo is no part of the toolchain that the sandbox sees, and its own folder may be closed to other users
        self._folder = Path(tempfile.mkdtemp(dir="/var/tmp", prefix="burnish-cargo-"))
        self._folder.chmod(0o755)
        asked = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True, cwd="/")
        for name in ("cargo", "cargo-clippy"):
            shutil.copy(Path(asked.stdout.strip()) / "bin" / name, self._folder / name)
        bins = f"{_CARGO}:{self._toolchain.inside}/bin"
        # cargo-clippy looks for its driver beside itself, and the driver for its libraries beside what a link names
        (self._folder / "clippy-driver").symlink_to(self._toolchain.clippy)
        self._script = (
            f'export PATH="{bins}:$PATH" HOME=/box CARGO_HOME=/box/.cargo CARGO_NET_OFFLINE=true; '
            f"export LD_LIBRARY_PATH={self._toolchain.inside}/lib; "
            # --lib: the sandbox has no rustdoc, without which every program with tests would fail
            "cargo check --quiet || exit 1; cargo clippy --quiet; [ $? = 127 ] && exit 127; cargo test --quiet --lib"
        )

    def __enter__(self) -> CargoCalls:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder)
        if isinstance(self._sandbox, BubblewrapSandbox):
            self._sandbox.close()

    def passes(self, task: Task, code: str) -> bool:
        """Whether the program checks and passes its tests; raises RuntimeError when the sandbox failed.

        One that does not check costs one call; what clippy says is not looked at.
        """
        files = {"Cargo.toml": _MANIFEST.format(edition=task.edition), "src/lib.rs": code + _tests(task)}
        job = Job(
            argv=("/bin/sh", "-c", self._script),
            stage="compile",
            limits=_LIMITS,
            files={name: text.encode(errors="replace") for name, text in files.items()},
            read_only=self._toolchain.binds | {_CARGO: self._folder},
        )
        result = self._sandbox.run(job)
        if result.fault or result.exit_code == 127:
            raise RuntimeError(f"cargo in the sandbox: {result.fault or 'one of the three calls could not start'}")
        return result.exit_code == 0 and not result.exceeded


class SerialReward:
    """Sampler and judge that take turns: a batch of so many completions is written whole, then they are judged."""

    def __init__(self, calls: CargoCalls, tasks: Sequence[Task], write: Write, judge: Judge, batch: int) -> None:
        self._calls, self._tasks, self._write, self._judge, self._batch = calls, tasks, write, judge, batch
        self._written = 0
        self._turn = threading.Condition()
        self.completions = self.agreed = 0
        """Judged so far, and of them those on whose pass cargo and the verdict agree."""

    def write(self, model: Any, prompts: Sequence[Sequence[int]], seed: int) -> Iterator[tuple[int, Answer]]:
        """The sampler's answers."""
        for place, answer in self._write(model, prompts, seed):
            with self._turn:
                self._written += 1
                self._turn.notify_all()
            yield place, answer

    def judge(self, pairs: Sequence[tuple[int, Completion]]) -> list[tuple[Verdict, Score]]:
        """Three calls per completion, once the batch is written; the verifier's verdicts."""
        whole = (self.completions // self._batch + 1) * self._batch
        with self._turn:
            self._turn.wait_for(lambda: self._written >= whole)
        passed = [self._passes(self._tasks[index], completion) for index, completion in pairs]
        known = self._judge(pairs)
        self.completions += len(pairs)
        self.agreed += sum(said == (verdict.status == "pass") for said, (verdict, _) in zip(passed, known, strict=True))
        return known

    def _passes(self, task: Task, completion: Completion) -> bool:
        code = extract(completion.text, task.code_prompt, task.entry_point)
        return code is not None and self._calls.passes(task, code)


def _tests(task: Task) -> str:
    assert isinstance(task.tests, ValueTests)
    cases = [
        f"    #[test]\n    fn case_{number}() {{\n        let value: {case.type} = {case.call};\n"
        f'        assert_eq!(format!("{{:?}}", value), r####"{case.expected}"####);\n    }}\n'
        for number, case in enumerate(task.tests.cases)
    ]
    return "\n#[cfg(test)]\nmod hidden_tests {\n    use super::*;\n" + "".join(cases) + "}\n"

"""The ways that the verifier is compared with: the Rust tools alone, without a sandbox, as others call them.

They get the project's own programs (`benchmarks.trusted_programs`) and nothing else: never what a model wrote. The
toolchain's own binaries are called, not rustup's shims, which would cost each call some 40 ms more.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.trusted_programs import Program
from burnish.verify.compiler.compile import LINTS

_MANIFEST = '[package]\nname = "sample"\nversion = "0.1.0"\nedition = "2021"\n\n[workspace]\n'


class BareTools:
    """Runs each way on a list of programs with ``workers`` threads; ``folder`` holds what is made."""

    def __init__(self, folder: Path, workers: int) -> None:
        self._folder = folder
        self._executor = ThreadPoolExecutor(workers)
        asked = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True, cwd="/")
        self._bin = Path(asked.stdout.strip()) / "bin"
        self._environment = {**os.environ, "PATH": f"{self._bin}:{os.environ['PATH']}", "CARGO_NET_OFFLINE": "true"}
        self._made = 0

    def clippy_driver(self, programs: Sequence[Program]) -> None:
        """One ``clippy-driver`` process per program, with the verifier's lints: the limit for a single check."""

        def one(program: Program, folder: Path) -> None:
            (folder / "candidate.rs").write_text(program.code)
            words = ["candidate.rs", "--edition", "2021", "--crate-type", "lib", "--emit=metadata"]
            self._call("clippy-driver", [*words, "-o", "candidate.rmeta", "--error-format=json", *LINTS], folder)

        self._each(one, programs)

    def cargo_pair(self, programs: Sequence[Program]) -> None:
        """``cargo check`` and ``cargo clippy`` in a fresh project per program."""
        self._each(lambda program, folder: self._cargo(program.code, "lib.rs", folder, ("check", "clippy")), programs)

    def cargo_three(self, programs: Sequence[Program]) -> None:
        """``cargo build``, ``cargo clippy`` and ``cargo run`` in a fresh project: the usual reward function."""

        def one(program: Program, folder: Path) -> None:
            self._cargo(program.program, "main.rs", folder, ("build", "clippy", "run"))

        self._each(one, programs)

    def rustc_and_run(self, programs: Sequence[Program]) -> None:
        """``rustc -o test && ./test``, as code-execution services do."""

        def one(program: Program, folder: Path) -> None:
            (folder / "test.rs").write_text(program.program)
            if self._call("rustc", ["--edition", "2021", "-o", "test", "test.rs"], folder) == 0:
                _run([str(folder / "test")], folder, self._environment)

        self._each(one, programs)

    def new_folder(self) -> Path:
        """An empty folder of its own."""
        folder = self._folder / str(self._made)
        folder.mkdir()
        self._made += 1
        return folder

    def call(self, tool: str, words: Sequence[str], folder: Path, variables: Mapping[str, str] | None = None) -> int:
        """The exit status of a tool of the toolchain, or of a program by its whole path."""
        return _run([str(self._bin / tool), *words], folder, {**self._environment, **(variables or {})})

    def close(self) -> None:
        """Stop the threads."""
        self._executor.shutdown()

    def _cargo(self, code: str, name: str, folder: Path, verbs: Sequence[str]) -> None:
        (folder / "src").mkdir()
        (folder / "src" / name).write_text(code)
        (folder / "Cargo.toml").write_text(_MANIFEST)
        for verb in verbs:
            self._call("cargo", [verb, "--quiet"], folder)

    def _call(self, tool: str, words: Sequence[str], folder: Path) -> int:
        return _run([str(self._bin / tool), *words], folder, self._environment)

    def _each(self, one: Callable[[Program, Path], None], programs: Sequence[Program]) -> None:
        def in_folder(job: tuple[int, Program]) -> None:
            number, program = job
            folder = self._folder / str(number)
            folder.mkdir()
            one(program, folder)
            shutil.rmtree(folder)

        numbers = range(self._made, self._made + len(programs))
        self._made += len(programs)
        list(self._executor.map(in_folder, zip(numbers, programs, strict=True)))


def _run(command: Sequence[str], folder: Path, environment: dict[str, str]) -> int:
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False).returncode

"""Runs the program with many mistakes, each in a fork of one process that has not loaded torch.

Tells for each what it printed, how it ended, and whether it loaded a heavy package or started a program: a mistake that
a recipe, a path, the machine or the installed packages can tell is told before any of these. The process imports
the program once, so that a mistake costs milliseconds. Not covered: what the messages should be (the tables).
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "transformers", "tokenizers", "peft", "trl", "accelerate", "datasets")
"""Loading any of these takes seconds, and encoding, answering and training need them."""
LOADED = (
    *("burnish.cli.app", "burnish.cli.render.tables", "burnish.cli.render.experiments", "burnish.config.load"),
    *("burnish.workflows.recipe", "burnish.workflows.experiments.sweep", "burnish.workflows.experiments.grid"),
    *("burnish.workflows.evaluate.evaluate", "burnish.workflows.answer.generate", "burnish.workflows.verify.file"),
    *("burnish.workflows.manage.import_config", "burnish.workflows.rows.lengths"),
)
"""What every fork finds loaded; none of it loads a heavy package."""
COLUMNS = "120"
MOST_CPU_S = 2
"""Processor time for a refusal; most take a tenth of a second, building 2,500 tasks takes four."""
TOO_LATE = 99
"""How a fork ends that begins with what is dear."""


@dataclass(frozen=True)
class Ended:
    """How the program ended."""

    code: int
    stdout: str
    stderr: str
    dear: str
    """The first heavy package that it loaded or program that it started, if it came so far; it was ended there."""

    @property
    def error(self) -> tuple[str, str]:
        """Cause and way out: the last two lines of stderr, without their marks."""
        first, second = self.stderr.splitlines()[-2:]
        assert first.startswith("error: "), self.stderr
        assert second.startswith("  -> "), self.stderr
        return first.removeprefix("error: "), second.removeprefix("  -> ")


class Program:
    """The process that forks for each mistake."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, arguments: Sequence[str], cwd: Path, environment: Mapping[str, str] | None = None) -> Ended:
        """Run ``burnish ARGUMENTS`` in ``cwd``, with more environment variables."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        wanted = {"arguments": list(arguments), "cwd": str(cwd), "environment": dict(environment or {})}
        self._process.stdin.write(json.dumps(wanted) + "\n")
        self._process.stdin.flush()
        return Ended(**json.loads(self._process.stdout.readline()))


@contextlib.contextmanager
def opened() -> Iterator[Program]:
    """Start the process, and end it."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "src")])
    environment = os.environ | {
        "PYTHONPATH": path,
        "COLUMNS": COLUMNS,
        "CUDA_VISIBLE_DEVICES": "",
        "NO_COLOR": "1",
        "TERM": "dumb",
    }
    command = [sys.executable, "-m", "tests.mistakes.runner"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Program(process)
        assert process.stdin is not None
        process.stdin.close()


def _serve() -> None:
    """Fork for each line of standard input, and answer with a line."""
    for name in LOADED:
        __import__(name)
    assert not [name for name in HEAVY if name in sys.modules], "the forks would find it loaded"
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_forked(json.loads(line))) + "\n")
        sys.stdout.flush()


def _forked(wanted: Mapping[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("stdout", "stderr", "told")]
        child = os.fork()
        if child == 0:
            try:
                _become(wanted, files)
            finally:
                os._exit(70)  # never back into the parent's loop
        _, status = os.waitpid(child, 0)
        told = json.loads(files[2].read_bytes())
        said = {name: file.read_text(encoding="utf-8") for name, file in zip(("stdout", "stderr"), files, strict=False)}
        return {"code": os.waitstatus_to_exitcode(status), **said, **told}


def _become(wanted: Mapping[str, Any], files: Sequence[Path]) -> None:
    """In the fork: run the program, write down what it loads and starts, and end with its code.

    The first heavy package or program ends it: it came too late, and need not be waited for.
    """
    for number, file in zip((1, 2), files, strict=False):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(wanted["cwd"])
    os.environ.update(wanted["environment"])

    def end(code: int, dear: str = "") -> None:
        files[2].write_text(json.dumps({"dear": dear}), encoding="utf-8")
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

    def watch(event: str, details: tuple[Any, ...]) -> None:
        if event == "import" and details[0] in HEAVY:
            end(TOO_LATE, f"loads {details[0]}")
        elif event == "subprocess.Popen":
            end(TOO_LATE, f"starts {Path(os.fsdecode(details[0])).name}")

    sys.addaudithook(watch)
    signal.signal(signal.SIGXCPU, lambda *_: end(TOO_LATE, f"computes for {MOST_CPU_S} s"))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_S, MOST_CPU_S + 5))
    sys.argv = ["burnish", *wanted["arguments"]]
    try:
        from burnish.cli import main

        main()
    except SystemExit as ended:
        end(ended.code if isinstance(ended.code, int) else 0)
    except BaseException:  # noqa: BLE001  the boundary of the fork: an unintended error is a finding of the table
        traceback.print_exc()
        end(1)
    end(0)


if __name__ == "__main__":
    _serve()

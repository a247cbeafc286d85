"""Programs in warm processes do what they do when they are started anew."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.warm_process import run_warm

ENVIRONMENT = {"PATH": os.environ["PATH"], "SAID": "é"}


def test_a_program_finds_its_place_and_the_libraries_loaded(tmp_path: Path) -> None:
    code = "import os, sys; print(os.getcwd(), sys.argv, os.environ['SAID'], 'trl' in sys.modules)"
    code += "; print(1, file=sys.stderr)"
    done = run_warm(["-c", code, "a", "b"], tmp_path, ENVIRONMENT)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{tmp_path} ['-c', 'a', 'b'] é True\n", "1\n")
    (tmp_path / "one.py").write_text("import sys; print(__name__, sys.argv[1:])")
    assert run_warm(["-m", "one", "c"], tmp_path, ENVIRONMENT).stdout == "__main__ ['c']\n"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("raise SystemExit(3)", 3),
        ("raise ValueError('bad')", 1),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -9),
        (
            "import os, signal, sys\ntry: os.kill(os.getpid(), signal.SIGINT)\nexcept KeyboardInterrupt: sys.exit(130)",
            130,
        ),
    ],
)
def test_the_end_of_a_program_is_its_status(tmp_path: Path, code: str, status: int) -> None:
    assert run_warm(["-c", code], tmp_path, ENVIRONMENT).returncode == status


def test_several_processes_meet_and_end_together(tmp_path: Path) -> None:
    (tmp_path / "meet.py").write_text(
        "import os, torch.distributed as d; d.init_process_group('gloo'); x = [None, None]\n"
        "d.all_gather_object(x, d.get_rank()); assert x == [0, 1]\n"
        "if d.get_rank(): os._exit(5)\n"
        "import time; time.sleep(1000)"
    )
    done = run_warm(["-m", "meet"], tmp_path, ENVIRONMENT, processes=2)
    assert done.returncode == 5, "the other would wait for ever, or fail later"


def test_a_warm_process_is_another_python_than_this(tmp_path: Path) -> None:
    """Else what depends on the order of a set would be equal in both."""
    done = run_warm(["-c", "import os; print(os.getppid()); print(hash('a'))"], tmp_path, ENVIRONMENT)
    parent, number = map(int, done.stdout.split())
    assert parent != os.getpid()
    assert number != hash("a") or sys.flags.hash_randomization == 0

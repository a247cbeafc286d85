from __future__ import annotations

import stat
from pathlib import Path

import pytest

from burnish.ledger.accelerators import Accelerator, parse_accelerator, read_accelerators


def test_a_line_of_nvidia_smi_is_read() -> None:
    assert parse_accelerator("0, NVIDIA H200, 97, 81234, 143771, 61") == Accelerator(
        0, "NVIDIA H200", 97.0, 81234.0, 143771.0, 61.0
    )
    assert parse_accelerator("1, GeForce, rev 2, [N/A], 5, 10, [Not Supported]") == Accelerator(
        1, "GeForce, rev 2", None, 5.0, 10.0, None
    )


@pytest.mark.parametrize(("script", "found"), [("echo '0, A, 1, 2, 3, 4'; echo '1, B, 1, 2, 3, 4'", 2), ("exit 9", 0)])
def test_the_program_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, found: int) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert len(read_accelerators()) == found


def test_without_the_program_there_is_nothing() -> None:
    assert read_accelerators("no-such-nvidia-smi") == []

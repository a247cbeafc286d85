"""Small C parts are built once; where they cannot be, nothing is missing but speed."""

from __future__ import annotations

from pathlib import Path

import pytest

from burnish.protocols import Job, Limits
from burnish.verify.compiler.native import built
from burnish.verify.compiler.toolchain import find_toolchain
from burnish.verify.sandbox.backend import RESERVED
from burnish.verify.sandbox.bubblewrap import BubblewrapSandbox

LIMITS = Limits(cpu_s=5, wall_s=20, memory_bytes=1 << 28, pids=16, work_bytes=1 << 20, output_bytes=1 << 20)


def test_a_source_is_built_once(tmp_path: Path) -> None:
    source = tmp_path / "seven.c"
    source.write_text("int main(void) { return 7; }\n")
    first = built(source)
    assert first is not None
    made = first.stat().st_mtime_ns
    built.cache_clear()
    assert built(source) == first
    assert first.stat().st_mtime_ns == made
    first.unlink()


def test_what_does_not_compile_is_none_and_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = tmp_path / "broken.c"
    source.write_text("int main(\n")
    assert built(source) is None
    assert "broken.c is not built" in caplog.text
    assert "error:" in caplog.text


def test_without_a_compiler_a_warning_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    source = tmp_path / "fine.c"
    source.write_text("int main(void) { return 0; }\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert built(source) is None
    assert "No such file or directory: 'cc'" in caplog.text


@pytest.mark.parametrize("with_launcher", [True, False])
def test_limits_and_user_are_the_same_either_way(monkeypatch: pytest.MonkeyPatch, with_launcher: bool) -> None:
    sandbox = BubblewrapSandbox()
    if not with_launcher:
        monkeypatch.setattr(sandbox, "_launch", None)
    words = "ulimit -t; ulimit -d; ulimit -c; ulimit -f; ulimit -n; grep -E '^(Uid|Gid|Groups|Cap)' /proc/self/status"
    job = Job(argv=("/bin/sh", "-c", words), stage="compile", limits=LIMITS, read_only=find_toolchain().binds)
    try:
        result = sandbox.run(job)
    finally:
        sandbox.close()
    said = result.stdout.decode().split("\n")
    # where all processes' time is counted together, one alone may use more than the whole before the kernel ends it
    cpu = "10" if sandbox._cgroups.counts_cpu else "5"
    assert said[:5] == [
        cpu,
        str((1 << 28) // 1024 * (RESERVED if sandbox._cgroups.kind != "none" else 1)),
        "0",
        "2048",
        "256",
    ]
    assert "CapEff:\t0000000000000000" in said
    assert "CapBnd:\t0000000000000000" in said
    assert [line.split()[1:] for line in said if line.startswith("Groups")] in ([[]], [["65534"]], [["1000"]])

"""The firejail backend with a stand-in for firejail, which runs what it is given; `test_backends` has the real one.

What the command asks of firejail, and what is done with its answer, can be tested so; isolation cannot.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from burnish.errors import MissingToolError, SandboxError
from burnish.protocols import Job, JobResult, Limits
from burnish.verify.sandbox.firejail import FirejailSandbox

MIB = 1 << 20
LIMITS = Limits(cpu_s=5, wall_s=20, memory_bytes=256 * MIB, pids=16, work_bytes=8 * MIB, output_bytes=MIB)
STAND_IN = """#!/bin/sh
[ "$1" = --version ] && { echo firejail version @VERSION@; exit; }
printf '%s\\n' "$@" >@SEEN@
for word; do
  case $word in --private-cwd=*) cd "${word#*=}";; --) shift; exec "$@";; esac
  shift
done
"""


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, version: str = "0.9.72") -> Path:
    """A stand-in on PATH; returns where it writes its words."""
    program, seen = folder / "firejail", folder / "seen"
    program.write_text(STAND_IN.replace("@VERSION@", version).replace("@SEEN@", shlex.quote(str(seen))))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return seen


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return install(tmp_path, monkeypatch)


@pytest.fixture
def sandbox(words: Path) -> Iterator[FirejailSandbox]:
    assert words.parent.is_dir()
    one = FirejailSandbox()
    yield one
    one.close()


def shell(sandbox: FirejailSandbox, script: str, **more: object) -> JobResult:
    return sandbox.run(Job(("/bin/sh", "-c", script), "compile", LIMITS, **more))  # type: ignore[arg-type]


def test_files_go_in_and_come_out(sandbox: FirejailSandbox) -> None:
    result = shell(sandbox, "cat a/b - >out; cat out", files={"a/b": b"one "}, collect=("out", "none"), stdin=b"two")
    assert (result.exit_code, result.stdout, result.fault) == (0, b"one two", "")
    assert result.collected == {"out": b"one two", "none": b""}


def test_a_link_is_not_followed_out_of_the_folder(sandbox: FirejailSandbox) -> None:
    script = "ln -s /etc/passwd link; mkfifo pipe; mkdir folder"
    assert set(shell(sandbox, script, collect=("link", "pipe", "folder")).collected.values()) == {b""}


def test_arguments_with_spaces_quotes_and_paths_arrive_unchanged(sandbox: FirejailSandbox, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("outside")
    (tmp_path / "f").chmod(0o644)
    tmp_path.chmod(0o755)
    script = 'for word; do echo "$word"; done; pwd'
    argv = ("/bin/sh", "-c", script, "sh", "it's $HOME", "--extern=x=/box/lib", "/kept/f", "/keptnot")
    result = sandbox.run(Job(argv, "compile", LIMITS, read_only={"/kept": tmp_path}))
    said = result.stdout.decode().splitlines()
    assert said == ["it's $HOME", f"--extern=x={said[-1]}/lib", f"{tmp_path}/f", "/keptnot", said[-1]]


def test_more_arguments_than_firejail_takes_reach_the_program(sandbox: FirejailSandbox, words: Path) -> None:
    result = sandbox.run(Job(("/bin/echo", *map(str, range(300))), "compile", LIMITS))
    assert result.stdout.split()[-1] == b"299"
    assert len(words.read_text().splitlines()) < 128


def test_the_run_stage_is_asked_to_be_filtered_and_alone(sandbox: FirejailSandbox, words: Path) -> None:
    sandbox.run(Job(("/bin/true",), "run", LIMITS))
    asked = words.read_text().splitlines()
    assert {"--net=none", "--nonewprivs", "--read-only=/", "--seccomp-error-action=kill"} <= set(asked)
    assert [word for word in asked if word.startswith("--seccomp=")]
    assert (asked.index("--") < asked.index("--nproc=16:16")) is True
    sandbox.run(Job(("/bin/true",), "compile", LIMITS))
    assert "--seccomp" in words.read_text().splitlines()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to another uid")
def test_roots_jobs_have_a_uid_of_their_own_and_it_owns_the_folder(sandbox: FirejailSandbox) -> None:
    result = shell(sandbox, "id -u; stat -c %u . given; cat /proc/self/status | grep CapBnd", files={"given": b""})
    uid, folder, given, *_, bounding = result.stdout.decode().split()
    assert int(uid) >= 65600
    assert (folder, given, int(bounding, 16)) == (uid, uid, 0)


def test_an_ordinary_user_has_no_root_inside(
    sandbox: FirejailSandbox, words: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "_uids", None)
    assert shell(sandbox, "true").fault == ""
    assert {"--noroot", "--caps.drop=all"} <= set(words.read_text().splitlines())
    assert "ordinary-user" in sandbox.layers


def test_missing_layers_of_firejail_are_named(sandbox: FirejailSandbox) -> None:
    assert sandbox.layers[0] == "firejail 0.9.72"
    assert not {"hidden-proc", "size-limited-tmpfs"} & set(sandbox.layers)


def test_a_jail_that_ends_before_the_program_is_a_fault(sandbox: FirejailSandbox, words: Path, tmp_path: Path) -> None:
    assert "did not start" in sandbox.run(Job(("/no/such",), "compile", LIMITS)).fault
    (tmp_path / "firejail").write_text("#!/bin/sh\necho cannot >&2\nexit 1\n")
    assert "did not start: cannot" in shell(sandbox, "true").fault
    assert not words.with_name("none").exists()


def test_stop_ends_what_comes(sandbox: FirejailSandbox) -> None:
    sandbox.stop()
    assert shell(sandbox, "sleep 60").fault == "cancelled"
    sandbox.resume()
    assert shell(sandbox, "true").fault == ""


@pytest.mark.parametrize(("version", "said"), [("0.9.70", "too old"), ("unknown", "unknown")])
def test_an_unfit_firejail_is_refused(version: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, version)
    with pytest.raises(SandboxError, match=said):
        FirejailSandbox()


def test_without_firejail_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingToolError, match="apt-get install firejail"):
        FirejailSandbox()

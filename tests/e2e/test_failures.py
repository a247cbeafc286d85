"""What goes wrong on a user's machine: one line of cause, one of way out, the promised exit code, nothing run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.run_program import burnish, small_tune, summary_of


def assert_error(done: subprocess.CompletedProcess[str], code: int, cause: str, way_out: str) -> None:
    """The last two lines of stderr are the error; no traceback anywhere."""
    assert done.returncode == code, done.stderr
    *_, first, second = done.stderr.splitlines()
    assert re.search(cause, first), first
    assert first.startswith("error: ")
    assert second.startswith("  -> ")
    assert re.search(way_out, second), second
    assert "Traceback" not in done.stderr


def nothing_was_judged(folder: Path) -> bool:
    """No task was built, no answer written, no verdict given."""
    return not list(folder.rglob("*.jsonl"))


def path_without(folder: Path, *programs: str) -> str:
    """A PATH on which everything is found but ``programs``."""
    folder.mkdir()
    for place in os.environ["PATH"].split(os.pathsep):
        for program in Path(place).iterdir() if Path(place).is_dir() else ():
            if program.name not in programs and not (folder / program.name).exists():
                (folder / program.name).symlink_to(program)
    assert not any((folder / program).exists() for program in programs)
    return str(folder)


def test_without_bubblewrap_a_run_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    environment = {"PATH": path_without(tmp_path / "bin", "bwrap", "firejail", "docker")}
    done = burnish(small_tune(tiny_model), tmp_path, environment=environment)
    assert_error(done, 3, "bubblewrap is not installed", "apt-get install bubblewrap")
    assert nothing_was_judged(tmp_path)


def test_without_rust_a_run_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    environment = {"PATH": path_without(tmp_path / "bin", "rustc", "cargo", "rustup"), "HOME": str(tmp_path)}
    done = burnish(small_tune(tiny_model), tmp_path, environment=environment)
    assert_error(done, 3, "rustc is not on PATH", "Install Rust: ")
    assert nothing_was_judged(tmp_path)


def test_doctor_names_what_is_missing_and_the_command_that_installs_it(tmp_path: Path) -> None:
    environment = {"PATH": path_without(tmp_path / "bin", "bwrap", "firejail", "docker")}
    done = burnish(["doctor"], tmp_path, environment=environment)
    assert done.returncode == 3
    assert re.search(r"MISS  sandbox bubblewrap.*\n\s+-> .*apt-get install bubblewrap", done.stdout)
    assert burnish(["doctor"], tmp_path).returncode == 0


def test_a_wrong_key_stops_before_anything(tiny_model: Path, tmp_path: Path) -> None:
    done = burnish(small_tune(tiny_model, "stages.sft.learning_rat=1"), tmp_path)
    assert_error(
        done,
        2,
        "--set stages.sft.learning_rat: unknown key .*did you mean 'learning_rate'",
        "Fix --set stages.sft.learning_rat",
    )
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("setting", "cause"),
    [
        ("data.sources=[none.jsonl]", "none.jsonl"),
        ("data.tasks={kind: file, path: none.jsonl}", "data.tasks.path is none.jsonl, which does not exist"),
        ("data.tasks={kind: humanevalpack, path: none.jsonl}", "none.jsonl"),
    ],
)
def test_a_missing_file_is_named_before_anything_runs(
    tiny_model: Path, tmp_path: Path, setting: str, cause: str
) -> None:
    arguments = small_tune(tiny_model)
    kept = [part for part in arguments if not part.startswith("data.tasks.")]
    while (place := next((i for i, part in enumerate(kept[:-1]) if part == kept[i + 1] == "--set"), None)) is not None:
        del kept[place]
    done = burnish([*kept, "--set", setting], tmp_path)
    assert_error(done, 2, cause, ".")
    assert not (tmp_path / "runs" / "tune").exists()


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    done = burnish(small_tune(tmp_path / "none"), tmp_path)
    assert_error(done, 2, "model.base is .*none", "Give a folder")


def test_a_broken_row_is_named_with_its_line_and_may_be_left_out_within_a_budget(
    tiny_model: Path, tmp_path: Path
) -> None:
    row = json.dumps({"prompt": "Write a function.", "completion": "fn f() {}"})
    (tmp_path / "rows.jsonl").write_text(f'{row}\n{{"prompt": "Write\n{row}\n')
    only_training = ("data.sources=[rows.jsonl]", "data.tasks.held_out=2", "stages.sft.max_steps=1")
    arguments = ["train", *small_tune(tiny_model, *only_training)[1:]]
    done = burnish(arguments, tmp_path)
    assert_error(done, 2, r"rows\.jsonl:2", ".")
    assert not (tmp_path / "runs" / "tune").exists()
    allowed = burnish([*arguments, "--set", "data.bad_rows=1"], tmp_path)
    assert allowed.returncode == 0, allowed.stderr
    (rejected,) = (tmp_path / "runs" / "tune" / "sft" / "rejected.jsonl").read_text().splitlines()
    assert json.loads(rejected)["line"] == 2


def on_small_disk(folder: Path, kilobytes: int) -> list[str]:
    """A command prefix after which ``folder`` is a disk of its own of that size, for the program alone."""
    script = f'mount -t tmpfs -o size={kilobytes}k none "{folder}" && cd "{folder}" && mkdir -p runs && exec "$@"'
    user = [] if os.geteuid() == 0 else ["--user", "--map-current-user", "--keep-caps"]
    return [shutil.which("unshare") or "unshare", "--mount", *user, "sh", "-c", script, "sh"]


@pytest.mark.parametrize("kilobytes", [64, 300, 600, 1000])
def test_a_full_disk_is_named_whenever_it_fills(tiny_model: Path, tmp_path: Path, kilobytes: int) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    done = burnish(small_tune(tiny_model), tmp_path, prefix=on_small_disk(disk, kilobytes))
    assert_error(done, 4, r"no space left|disk that holds .* is full|cannot write|cannot be used", "ree some space")


def test_after_a_full_disk_the_same_command_finishes(unbroken: Path, tiny_model: Path, tmp_path: Path) -> None:
    disk, kept = tmp_path / "disk", tmp_path / "kept"
    disk.mkdir()
    prefix = on_small_disk(disk, 600)
    prefix[-2] = prefix[-2].replace('exec "$@"', f'{{ "$@"; code=$?; cp -r "{disk}/runs" "{kept}"; exit $code; }}')
    full = burnish(small_tune(tiny_model), tmp_path, prefix=prefix)
    assert full.returncode == 4, full.stderr
    shutil.move(kept, tmp_path / "runs")
    done = burnish(small_tune(tiny_model), tmp_path)
    assert done.returncode == 0, done.stderr
    assert summary_of(tmp_path / "runs" / "tune") == summary_of(unbroken / "runs" / "tune")

"""Run folders: one owner at a time, one recipe, and what differs is named."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from burnish.errors import RunFolderError
from burnish.ledger.run_folder import LOCK, check_owner, differences, open_run
from burnish.records.layout import ATTEMPT, RESOLVED

RECIPE: dict[str, Any] = {
    "name": "quick",
    "runs_dir": "runs",
    "seed": 0,
    "verify": {"workers": None},
    "stages": [{"name": "tasks", "kind": "tasks"}, {"name": "sft", "kind": "sft", "adapter": {"kind": "lora", "r": 8}}],
}
DIGESTS = {"base model": "aa", "code of burnish": "bb"}


def opened(path: Path, *, resume: bool = False, digests: dict[str, str] | None = None, **changes: Any) -> str:
    """Open and close; returns the run's id."""
    with open_run(path, recipe=RECIPE | changes, digests=digests or DIGESTS, version="1", resume=resume) as run:
        return run.run_id


def made_in(path: Path, name: str = "adapter.bin") -> None:
    """A stage has made something."""
    (path / "sft").mkdir(exist_ok=True)
    (path / "sft" / name).touch()


def test_where_nothing_was_made_another_recipe_goes_on_without_a_word(tmp_path: Path) -> None:
    """After a mistake that is told late, the mended recipe has nothing to lose but what is made from it."""
    first = opened(tmp_path)
    made_in(tmp_path, ATTEMPT)
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "train.jsonl").touch()
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "attempt-1.log").touch()
    assert opened(tmp_path, seed=1) == first
    check_owner(tmp_path, RECIPE, resume=False)
    made_in(tmp_path)
    with pytest.raises(RunFolderError, match="seed: 1 -> 0"):
        check_owner(tmp_path, RECIPE, resume=False)
    check_owner(tmp_path, RECIPE, resume=True)
    check_owner(tmp_path / "none", RECIPE, resume=False)


def test_the_same_recipe_continues_its_run(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "quick"
    assert opened(path) == opened(path)
    resolved = json.loads((path / RESOLVED).read_text())
    assert (resolved["recipe"], resolved["digests"]) == (RECIPE, DIGESTS)


def test_what_changes_no_result_may_differ(tmp_path: Path) -> None:
    first = opened(tmp_path)
    assert opened(tmp_path, runs_dir="elsewhere", verify={"workers": 2}) == first


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"seed": 1}, "seed: 0 -> 1"),
        ({"stages": RECIPE["stages"][:1]}, 'stages.sft.name: "sft" -> absent'),
        ({"data": {"sources": ["x"]}}, 'data.sources: absent -> ["x"]'),
        ({"digests": {"base model": "cc", "code of burnish": "bb"}}, "the base model changed"),
    ],
)
def test_another_recipe_is_refused_with_what_differs_and_three_ways_on(
    tmp_path: Path, changes: dict[str, Any], named: str
) -> None:
    opened(tmp_path)
    made_in(tmp_path)
    before = (tmp_path / RESOLVED).read_bytes()
    with pytest.raises(RunFolderError) as caught:
        opened(tmp_path, **changes)
    assert named in caught.value.cause
    for way in ("--resume", "--set name=", f"remove {tmp_path}"):
        assert way in caught.value.way_out
    assert (tmp_path / RESOLVED).read_bytes() == before


def test_resume_accepts_a_changed_recipe(tmp_path: Path) -> None:
    first = opened(tmp_path)
    made_in(tmp_path)
    assert opened(tmp_path, seed=1, resume=True) == first
    assert opened(tmp_path, seed=1) == first
    with pytest.raises(RunFolderError):
        opened(tmp_path)


def test_a_stage_setting_is_named_by_the_stage(tmp_path: Path) -> None:
    changed = json.loads(json.dumps(RECIPE))
    changed["stages"][1]["adapter"]["r"] = 16
    before, now = {"recipe": RECIPE, "digests": {}}, {"recipe": changed, "digests": {}}
    assert differences(before, now) == ["stages.sft.adapter.r: 8 -> 16"]
    assert differences(before, before) == []


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(RunFolderError, match=r"is not a run folder: it holds thesis.tex"):
        opened(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != LOCK) == ["thesis.tex"]


@pytest.mark.parametrize("content", ["{", "[]", '{"recipe": {}}'])
def test_a_broken_resolved_recipe_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / RESOLVED).write_text(content)
    with pytest.raises(RunFolderError, match=r"recipe\.resolved\.json is"):
        opened(tmp_path)


def test_a_folder_in_use_names_the_process_and_is_free_after_a_kill(tmp_path: Path) -> None:
    script = (
        "import sys, time\nfrom pathlib import Path\nfrom burnish.ledger.run_folder import open_run\n"
        f"with open_run(Path({str(tmp_path)!r}), recipe={RECIPE!r}, digests={DIGESTS!r}, version='1', resume=False):\n"
        "    print('open', flush=True)\n    sys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(RunFolderError, match=f"in use by process {other.pid}"):
            opened(tmp_path)
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
    opened(tmp_path)


@pytest.mark.parametrize("resume", [True, False])
@pytest.mark.parametrize(("key", "longer"), [("max_steps", 20), ("epochs", 3)])
def test_another_length_of_a_finished_training_is_refused_and_nothing_is_lost(
    tmp_path: Path, resume: bool, key: str, longer: int
) -> None:
    stage = {"name": "sft", "kind": "sft", "max_steps": None, "epochs": 1, "extra_steps": 0}
    opened(tmp_path, stages=[stage])
    opened(tmp_path, stages=[stage | {key: longer}], resume=True)  # nothing is finished yet
    opened(tmp_path, stages=[stage], resume=True)
    (tmp_path / "sft").mkdir()
    (tmp_path / "sft" / "done.json").write_text("{}")
    with pytest.raises(RunFolderError, match=f"stage sft is finished, and stages.sft.{key} changed") as refused:
        opened(tmp_path, stages=[stage | {key: longer}], resume=resume)
    assert "--extra-steps N" in refused.value.way_out
    assert (tmp_path / "sft" / "done.json").is_file()
    opened(tmp_path, stages=[stage | {"extra_steps": 5}], resume=resume)

"""A new kind of stage is a file of configuration and a workflow: nothing else of the program knows it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import burnish

SETTINGS = '''
"""Count the documents of a corpus."""

from __future__ import annotations

from typing import ClassVar, Literal

from burnish.config.data.training_data import DataConfig
from burnish.config.stages.stage import Needs, Product, Reads, Stage


class CountStage(Stage):
    """Count the documents of a corpus and the files beside it."""

    kind: Literal["count"] = "count"
    makes: ClassVar[tuple[Product, ...]] = ("measurement",)
    workflow: ClassVar[str] = "burnish.workflows.count:count"
    corpus: str
    """Name of the corpus stage."""
    factor: int = 1
    """What the count is multiplied by."""

    def reads(self) -> tuple[Reads, ...]:
        return (Reads("corpus", ("corpus",)),)

    def needs(self, data: DataConfig) -> Needs:
        return Needs(data=("chat",))
'''
WORKFLOW = '''
"""Do a count stage."""

from burnish.records.layout import CORPUS
from burnish.workflows.run.context import Outcome


def count(run, stage, folder):
    lines = (run.stage_folder(stage.corpus) / CORPUS).read_text().splitlines()
    (folder / "count.txt").write_text(str(stage.factor * len(lines)))
    return Outcome(("count.txt",), {"count": float(stage.factor * len(lines))})
'''
RECIPE = """
name: counted
stages:
  - {kind: corpus, name: corpus, documents: 7}
  - {kind: count, name: counting, corpus: corpus}
"""


def run(folder: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    """``burnish run`` by the copy of the program in the folder."""
    said = [word for override in overrides for word in ("--set", override)]
    program = "from burnish.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", program, "run", "recipe.yaml", *said],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
    )


def test_two_files_make_a_kind_that_recipes_run_keep_and_refuse(tmp_path: Path) -> None:
    package = tmp_path / "burnish"
    shutil.copytree(
        Path(burnish.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__", "*.safetensors")
    )
    (package / "config" / "stages" / "kinds" / "count.py").write_text(SETTINGS)
    (package / "workflows" / "count.py").write_text(WORKFLOW)
    (tmp_path / "recipe.yaml").write_text(RECIPE)

    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "runs" / "counted" / "counting"
    assert (folder / "count.txt").read_text() == "7"
    first = json.loads((folder / "done.json").read_text())
    assert first["metrics"] == {"count": 7.0}

    again = run(tmp_path)
    assert again.returncode == 0, again.stderr
    assert json.loads((folder / "done.json").read_text()) == first  # kept: nothing that it declares has changed
    other = run(tmp_path, "stages.counting.factor=3", "name=thrice")
    assert other.returncode == 0, other.stderr
    assert (tmp_path / "runs" / "thrice" / "counting" / "count.txt").read_text() == "21"

    refused = run(tmp_path, "stages.counting.corpus=counting", "name=wrong")
    assert refused.returncode == 2
    assert "stage 'counting': corpus is 'counting', which is no earlier corpus stage" in refused.stderr

"""A fork goes on from a checkpoint as the run itself would have, and leaves that run alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from burnish.errors import RunFolderError
from burnish.fsio import digest_folder
from burnish.ledger.store import Ledger
from burnish.model.folders import model_digest
from burnish.records.layout import LEDGER
from burnish.workflows.manage.fork import fork_run
from burnish.workflows.recipe import run_recipe
from tests.tiny_models import make_tiny_model
from tests.workflows.train.test_launch import recipe


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("source")
    return run_recipe(recipe(make_tiny_model(place / "base"), place, "source", save_every=2))


def test_a_fork_repeats_the_steps_of_its_run(source: Path) -> None:
    before = digest_folder(source)
    fork = fork_run(source, "fork", step=4)
    assert [path.name for path in (fork / "sft" / "checkpoints").glob("checkpoint-*")] == ["checkpoint-4"]
    assert not (fork / "sft" / "adapter").exists()
    assert max(json.loads(line)["step"] for line in (fork / "metrics.jsonl").read_text().splitlines()) == 4
    place = source.parents[1]
    assert run_recipe(recipe(place / "base", place, "fork", save_every=2)) == fork
    steps = [json.loads(line)["step"] for line in (fork / "metrics.jsonl").read_text().splitlines()]
    assert steps == [1, 2, 3, 4, 5, 6]
    assert digest_folder(fork / "sft" / "adapter") == digest_folder(source / "sft" / "adapter")
    assert digest_folder(source) == before
    ids = [json.loads((folder / "recipe.resolved.json").read_text())["run_id"] for folder in (source, fork)]
    assert ids[0] != ids[1]
    with Ledger(source.parent / LEDGER) as ledger:
        run = next(run for run in ledger.runs() if run.run_id == ids[1])
        assert (run.fork_of, run.fork_point, run.state) == (ids[0], "sft at step 4", "done")
        (stage,) = ledger.stages(ids[1])
    assert model_digest(fork / "sft" / "adapter") in stage.aliases["adapter"]


def test_an_impossible_fork_is_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="no checkpoint of step 3") as missing:
        fork_run(source, "other", step=3)
    assert "4, 6" in missing.value.way_out
    with pytest.raises(RunFolderError, match="already exists"):
        fork_run(source, "source")
    with pytest.raises(RunFolderError, match="is not a run folder"):
        fork_run(tmp_path, "other")
    assert not (source.parent / "other").exists()

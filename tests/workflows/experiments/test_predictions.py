"""A run is predicted by finished ones that did the same work, and by nothing else."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from burnish.config.load import load_config
from burnish.config.stages.recipe import Recipe
from burnish.fsio import write_json
from burnish.ledger.stage import Done
from burnish.ledger.store import Ledger
from burnish.workflows.experiments.predictions import Predictor, same_work

QUICKSTART = Path(__file__).parents[3] / "recipes" / "quickstart.yaml"


def recipe(*said: str) -> Recipe:
    return load_config(Recipe, QUICKSTART, said)


def finished(runs_dir: Path, name: str, what: Recipe, seconds: float, *, state: str = "done", **done: Any) -> None:
    folder = runs_dir / name
    write_json(folder / "recipe.resolved.json", {"run_id": name, "recipe": what.model_dump(mode="json"), "digests": {}})
    for stage, share in (("sft", 0.75), ("measure-sft", 0.25)):
        write_json(folder / stage / "done.json", asdict(Done("f", seconds * share, **done)))
    with Ledger(runs_dir / "ledger.sqlite") as ledger:
        ledger.open_run(name, name=name, path=folder, recipe="r", version="1")
        ledger.close_run(name, state)


def test_predictions_use_runs_of_the_same_work(tmp_path: Path) -> None:
    finished(tmp_path, "a", recipe(), 100.0, peak_bytes=10)
    finished(tmp_path, "b", recipe("stages.sft.learning_rate=1e-5", "seed=4"), 140.0, peak_bytes=30)
    finished(tmp_path, "c", recipe("stages.sft.max_steps=1"), 1.0, peak_bytes=1)
    finished(tmp_path, "d", recipe(), 5.0, state="failed", peak_bytes=1)
    predictor = Predictor([tmp_path])
    guess = predictor.predict(recipe("name=new", "stages.sft.adapter.r=4", "stages.sft.learning_rate=1"))
    assert guess is not None
    assert (guess.seconds, guess.peak_bytes, guess.device_peak_bytes, guess.runs) == (120.0, 30, None, 2)
    assert predictor.predict(recipe("stages.sft.epochs=2")) is None


def test_memory_of_an_accelerator_is_read_where_there_was_one(tmp_path: Path) -> None:
    finished(tmp_path, "a", recipe(), 100.0)
    peaks = {"hardware_info": {"vram_peaks": {"overall_max_reserved_gb": 1.5}}}
    write_json(tmp_path / "a" / "sft" / "training_metadata.json", peaks)
    guess = Predictor([tmp_path]).predict(recipe())
    assert guess is not None
    assert (guess.peak_bytes, guess.device_peak_bytes) == (None, 3 << 29)


def test_nothing_is_known_without_a_ledger_and_none_is_made(tmp_path: Path) -> None:
    assert Predictor([tmp_path / "none"]).predict(recipe()) is None
    assert list(tmp_path.iterdir()) == []


def test_keys_that_change_the_work_are_known() -> None:
    assert same_work(["stages.sft.learning_rate", "stages.sft.adapter.alpha"])
    assert not same_work(["stages.sft.learning_rate", "stages.sft.max_steps"])

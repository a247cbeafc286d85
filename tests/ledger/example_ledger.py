"""A made-up ledger: a base that one run made, two runs on it, an evaluation, and a fork."""

from __future__ import annotations

from pathlib import Path

from burnish.fsio import digest_json, write_json
from burnish.ledger.stage import Done
from burnish.ledger.store import Ledger
from burnish.records.layout import RESOLVED

MODEL_FILES, WEIGHTS = "model as its own files", "weights of the adapter"
ALIASES = {"m": (MODEL_FILES,), "a": (WEIGHTS,)}
STAGE_NAMES = {"evaluate": "measure"}


def run(
    ledger: Ledger, runs_dir: Path, name: str, *, kind: str = "run", recipe: dict[str, object] | None = None
) -> Path:
    """A run with a folder; its id is its name with ``id-`` before."""
    folder = runs_dir / name
    write_json(
        folder / RESOLVED,
        {"run_id": f"id-{name}", "burnish": "1", "recipe": recipe or {"name": name}, "digests": {"code": f"c-{name}"}},
    )
    assert kind in ("run", "evaluation")
    ledger.open_run(
        f"id-{name}", name=name, path=folder, recipe="r", version="1", kind="run" if kind == "run" else "evaluation"
    )
    ledger.close_run(f"id-{name}", "done")
    return folder


def fill(ledger: Ledger, runs_dir: Path) -> None:
    """pretraining -> tuning -> evaluation of its adapter; ``fork`` of tuning; ``stranger`` is no relative."""

    def stage(of: str, kind: str, made: dict[str, str], read: dict[str, str], **metrics: float) -> None:
        name, at = STAGE_NAMES.get(kind, kind), 1.0 + len(ledger.stages(f"id-{of}"))
        aliases = {key: ALIASES[digest] for key, digest in made.items() if digest in ALIASES}
        done = Done(f"f-{of}", at, made, metrics, 1 << 20, at)
        ledger.record_stage(f"id-{of}", name=name, kind=kind, done=done, inputs=read, aliases=aliases)

    run(ledger, runs_dir, "pretraining")
    stage("pretraining", "merge", {"model": "m"}, {"text": "t"})
    run(ledger, runs_dir, "tuning", recipe={"name": "tuning", "stages": [{"name": "sft", "lr": 1}]})
    stage("tuning", "sft", {"adapter": "a"}, {"base": MODEL_FILES}, loss=0.5)
    stage("tuning", "evaluate", {"verdicts": "v"}, {"sft": digest_json({"adapter": "a"})}, tests_passed=0.5)
    stage("tuning", "report", {"page": "p"}, {"sft": "a record"})
    run(ledger, runs_dir, "evaluation", kind="evaluation")
    stage("evaluation", "evaluate", {"rows": "w"}, {"adapter": WEIGHTS, "base model": MODEL_FILES})
    run(ledger, runs_dir, "fork", recipe={"name": "fork", "stages": [{"name": "sft", "lr": 2}]})
    ledger.note_fork("id-fork", source="id-tuning", point="sft at step 4")
    stage("fork", "sft", {"adapter": "b"}, {"base": MODEL_FILES}, loss=0.25)
    run(ledger, runs_dir, "stranger")

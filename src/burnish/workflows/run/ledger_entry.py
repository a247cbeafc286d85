"""Record stages of runs and evaluations in the ledger, with digests for lineage.

A stage's model is read elsewhere under other digests than that of its folder (`aliases_of`), so they are recorded too.
Left out on purpose: reading the ledger (`ledger.lineage`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from burnish import __version__
from burnish.config.stages.stage import Stage
from burnish.config.verbs.evaluate import EvaluateConfig, ModelAnswers
from burnish.fsio import digest_file, digest_json, read_lines, read_object
from burnish.ledger.machine import write_machine
from burnish.ledger.run_folder import RunFolder
from burnish.ledger.stage import PREDICTED_PEAK, Done
from burnish.ledger.store import Ledger
from burnish.model.folders import model_digest
from burnish.records.layout import ADAPTER_WEIGHTS, EVALUATED, HELD_OUT, LEDGER, TRAINING_METADATA
from burnish.records.summary import Summary
from burnish.workflows.run.context import Run
from burnish.workflows.run.inputs import CODE


def predicted_memory(folder: Path) -> dict[str, float]:
    """Return the peak bytes predicted when the stage began to train, as a metric; empty without training or
    prediction."""
    try:
        metadata = read_object(folder / TRAINING_METADATA)
    except FileNotFoundError:
        return {}
    predicted = metadata.get("predicted_memory", {}).get(PREDICTED_PEAK)
    return {} if predicted is None else {PREDICTED_PEAK: float(predicted)}


def record_stage(ledger: Ledger, run: Run, stage: Stage, done: Done, inputs: Mapping[str, str]) -> None:
    """Record a finished stage, unless already recorded: digests of large models are slow."""
    run_id = run.folder.run_id
    if not ledger.has_stage(run_id, stage.name, done):
        aliases = aliases_of(run.stage_folder(stage.name), done.outputs)
        ledger.record_stage(run_id, name=stage.name, kind=stage.kind, done=done, inputs=inputs, aliases=aliases)


def record_evaluation(
    config: EvaluateConfig, run: RunFolder, digests: Mapping[str, str], done: Done, summary: Summary
) -> None:
    """Record a finished evaluation as a run of one stage, with its headline metrics."""
    write_machine(run.path)
    inputs = {name: digest for name, digest in digests.items() if name != CODE}
    recipe = digest_json([config.model_dump(mode="json"), dict(digests)])
    measured = replace(done, metrics=dict(_headlines(summary)))
    with Ledger(ledger_for(config)) as ledger:
        ledger.open_run(
            run.run_id, name=run.path.name, path=run.path, recipe=recipe, version=__version__, kind="evaluation"
        )
        ledger.record_stage(run.run_id, name=EVALUATED, kind="evaluate", done=measured, inputs=inputs)
        ledger.close_run(run.run_id, "done")


def ledger_for(config: EvaluateConfig) -> Path:
    """Find the ledger beside the evaluation's folder, otherwise that of the model's run; by default a new one beside
    it."""
    beside = config.out.resolve().parent
    folders = [beside]
    if isinstance(config.answers, ModelAnswers):
        for model in (config.answers.adapter, config.answers.model.base):
            folders += list(Path(model).expanduser().resolve().parents) if model is not None else []
    ledgers = (folder / LEDGER for folder in folders if (folder / LEDGER).is_file())
    return next(ledgers, beside / LEDGER)


def aliases_of(folder: Path, outputs: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return further digests under which runs and evaluations read the outputs of a stage."""
    aliases: dict[str, tuple[str, ...]] = {}
    for name in outputs:
        path = folder / name
        if (path / "config.json").is_file():
            aliases[name] = (model_digest(path),)
        elif (path / ADAPTER_WEIGHTS).is_file():
            aliases[name] = (model_digest(path), digest_file(path / ADAPTER_WEIGHTS))
        elif path.name == HELD_OUT:
            aliases[name] = (digest_json(list(read_lines(path))),)
    return aliases


def _headlines(summary: Summary) -> Iterable[tuple[str, float]]:
    """Return the headline metrics by name; those of Rust without a prefix, as evaluate stages record them."""
    for kind in (kind for model in summary.models for kind in model.kinds):
        for name, estimate in kind.metrics.items():
            yield name if kind.kind == "rust" else f"{kind.kind} {name}", estimate.value

"""A model by name: bases, adapters, runs, stages, checkpoints; and what is said where there is none."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from burnish.cli.app import app
from burnish.config.load import load_config
from burnish.config.model import ModelConfig
from burnish.config.stages.recipe import Recipe
from burnish.config.verbs.evaluate import EvaluateConfig, ModelAnswers
from burnish.errors import ConfigError
from burnish.fsio import read_lines
from burnish.ledger.run_folder import RunFolder
from burnish.model.adapters import copy_with_origin, read_origin
from burnish.model.folders import NANO
from burnish.model.source import ModelSource
from burnish.records import Completion
from burnish.records.files import write_records
from burnish.workflows.answer.find_model import find_model, loaded_quantization
from burnish.workflows.answer.generators import ready, written_by
from burnish.workflows.evaluate.all_models import evaluate_all
from burnish.workflows.evaluate.evaluate import answering
from burnish.workflows.recipe import run_recipe
from burnish.workflows.run.context import Run
from tests.tiny_models import make_tiny_model
from tests.workflows.evaluate import test_all_models as all_models
from tests.workflows.train.test_launch import recipe


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that trained an adapter on a tiny base."""
    place = tmp_path_factory.mktemp("place")
    return run_recipe(recipe(make_tiny_model(place / "base"), place, "mine", save_every=3))


def found(base: str | Path, adapter: Path | None = None) -> ModelSource:
    return find_model(ModelAnswers(model=ModelConfig(base=str(base)), adapter=adapter))


def test_a_model_can_be_named_in_every_way(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base, adapter = run.parents[1] / "base", run / "sft" / "adapter"
    assert (found("nano").base, found("nano").adapter) == (NANO, None)
    assert (found(base).base, found(base).adapter) == (base, None)
    for name in (run, run / "sft", adapter):
        assert (found(name).base, found(name).adapter, found(name).name) == (base, adapter, "mine/sft")
    assert found(base, adapter).digest == found(run).digest != found(base).digest
    checkpoint = sorted((run / "sft" / "checkpoints").glob("checkpoint-*"))[0]
    half = found(checkpoint)
    assert (half.base, half.adapter) == (base, checkpoint)
    assert half.kind == "checkpoint"
    assert {path.parent for path in half.files} == {base, checkpoint}
    assert [found(name).kind for name in ("nano", base, run)] == ["embedded", "folder", "adapter"]
    assert half.name == f"mine/sft/{checkpoint.name}"
    monkeypatch.chdir(run.parents[1])
    assert found("mine").adapter == Path("runs/mine/sft/adapter")
    assert found("mine/sft").digest == found(run).digest


def test_a_path_that_is_not_a_model_is_refused(run: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        found(tmp_path / "nowhere")
    (run / "metrics").mkdir()
    with pytest.raises(ConfigError, match="has no stage 'metrics'"):
        found(run / "metrics")
    outside = shutil.copytree(run / "sft" / "adapter", tmp_path / "adapter")
    with pytest.raises(ConfigError, match="outside a run") as refused:
        found(outside)
    assert "answers.adapter" in refused.value.way_out
    unfinished = shutil.copytree(run, tmp_path / "unfinished")
    (unfinished / "sft" / "done.json").unlink()
    newest = max((unfinished / "sft" / "checkpoints").glob("checkpoint-*"), key=lambda one: int(one.name[11:]))
    with caplog.at_level(logging.WARNING):
        assert found(unfinished).adapter == newest
    assert f"taking its newest checkpoint, {newest}" in caplog.text
    (newest / "complete.json").unlink()  # torn: an older one counts
    assert found(unfinished).adapter != newest
    with pytest.raises(ConfigError, match="checkpoints holds no model") as refused:
        found(unfinished / "sft" / "checkpoints")
    assert f"Give {unfinished / 'sft'}, or a checkpoint" in refused.value.way_out
    (unfinished / "sft" / "round_1").mkdir()
    (unfinished / "sft" / "round_1.bak").mkdir()
    shutil.move(unfinished / "sft" / "checkpoints", unfinished / "sft" / "round_1")
    first = found(unfinished).adapter
    assert first is not None
    assert first.parent == unfinished / "sft" / "round_1" / "checkpoints"
    ended = shutil.copytree(run / "sft" / "adapter", unfinished / "sft" / "round_1" / "adapter")
    for name in (unfinished, unfinished / "sft" / "round_1", ended):
        assert found(name).adapter == ended, "a round that ended counts more than its checkpoints"
    shutil.rmtree(unfinished / "sft" / "round_1")
    with pytest.raises(ConfigError, match="has made no model yet, and no checkpoint"):
        found(unfinished)
    bare = unfinished / "sft" / "checkpoints" / "checkpoint-3"
    bare.mkdir(parents=True)
    for file in ("config.json", "complete.json"):
        (bare / file).write_text("{}")
    for named in (unfinished, bare):
        with pytest.raises(ConfigError, match="holds no tokenizer") as refused:
            found(named)
        base = run.parents[1] / "base"
        files = f"{base / 'tokenizer.json'} {base / 'tokenizer_config.json'}"
        assert f"cp {files}" in refused.value.way_out
        assert refused.value.way_out.endswith(f" {bare}/")
    whole = tmp_path / "checkpoint-3"
    whole.mkdir()
    (whole / "config.json").write_text("{}")
    with pytest.raises(ConfigError, match="holds no tokenizer") as refused:
        found(whole)
    assert f"cp BASE/tokenizer* BASE/chat_template.jinja {whole}/" in refused.value.way_out


def test_a_checkpoint_of_grpo_says_its_base_by_its_prompts(run: Path, tmp_path: Path) -> None:
    checkpoints = shutil.copytree(run / "sft" / "checkpoints", tmp_path / "checkpoints")
    record = checkpoints / "made_with.json"
    made = json.loads(record.read_text())
    made["prompts"] = made.pop("rows")
    record.write_text(json.dumps(made))
    checkpoint = next(checkpoints.glob("checkpoint-*"))
    copy = copy_with_origin(checkpoint, tmp_path / "copy")
    assert read_origin(copy).dataset_digest == made["prompts"]


def test_a_run_and_its_checkpoint_answer_beside_the_base(run: Path) -> None:
    checkpoint = sorted((run / "sft" / "checkpoints").glob("checkpoint-*"))[0]
    models = f"{run.parents[1] / 'base'},{run},{checkpoint}"
    arguments = ["generate", "--prompt", "Write a Rust function.", "--models", models]
    arguments += ["--set", "answers.sampling.max_new_tokens=5", "--set", "answers.model.device=cpu"]
    done = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    assert "Write a Rust function." in done.output
    assert done.output.count("tokens, ") == 3
    refused = CliRunner().invoke(app, [*arguments, "--set", "out=x.jsonl"])
    assert refused.exit_code == 2


def test_all_models_of_a_folder_of_runs(run: Path, tmp_path: Path) -> None:
    write_records(tmp_path / "tasks.jsonl", all_models.TASKS)
    (one,) = evaluate_all(all_models.config(tmp_path), run.parent)
    assert (one.name, one.state) == ("mine/sft", "evaluated")


def test_prompts_of_a_file_are_answered_and_only_what_is_missing(tmp_path: Path) -> None:
    base = make_tiny_model(tmp_path / "base")
    (tmp_path / "prompts.yaml").write_text("prompts:\n- Write a function.\n- Another one.\n")
    out = tmp_path / "answers.jsonl"
    arguments = ["generate", "--set", f"out={out}", "--set", f"prompts={tmp_path / 'prompts.yaml'}"]
    arguments += ["--set", f"answers.model={{base: {base}, device: cpu}}", "--set", "answers.sampling.max_new_tokens=5"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    lines = list(read_lines(out))
    assert {Completion.from_json(line).task_id for line in lines} == {"prompt-1", "prompt-2"}
    out.write_text(lines[0] + "\n")
    assert CliRunner().invoke(app, arguments).exit_code == 0
    again = list(read_lines(out))
    assert again[0] == lines[0]
    assert [Completion.from_json(line).text for line in again] == [Completion.from_json(line).text for line in lines]
    other = CliRunner().invoke(app, [*arguments, "--set", "seed=1"])
    assert other.exit_code == 2
    (tmp_path / "prompts.yaml").write_text("{no: prompts}")
    assert CliRunner().invoke(app, arguments).exit_code == 2


def test_a_trained_adapter_can_be_disabled(run: Path) -> None:
    base, adapter = run.parents[1] / "base", run / "sft" / "adapter"
    cpu = ModelConfig(base=str(base), device="cpu")
    on, off, alone = (
        written_by(ModelAnswers(model=cpu, adapter=folder, adapter_off=off), seed=0).model_digest
        for folder, off in ((adapter, False), (adapter, True), (None, False))
    )
    assert off == alone != on
    disabled = ModelAnswers(model=cpu, adapter=adapter, adapter_off=True)
    config = EvaluateConfig(out=Path("out"), answers=disabled)
    assert answering(config, (), ready(disabled))[0] == "mine/sft (adapter off)"


def test_a_merged_model_of_a_quantised_run_is_loaded_as_it_is_stored(tmp_path: Path) -> None:
    stages = "[{kind: tasks, name: t}, {kind: sft, name: s}, {kind: merge, name: m, adapter: s}]"
    recipe = load_config(Recipe, None, ["name=q", f"stages={stages}", "model.quantization={kind: nf4}"])
    run = Run(recipe, RunFolder(tmp_path / "q", "id"), {}, None)
    kinds = {name: getattr(loaded_quantization(run, name), "kind", None) for name in ("base", "s", "m")}
    assert kinds == {"base": "nf4", "s": "nf4", "m": None}
    plain = recipe.model_copy(update={"model": recipe.model.model_copy(update={"quantization": None})})
    assert loaded_quantization(Run(plain, RunFolder(tmp_path / "q", "id"), {}, None), "s") is None

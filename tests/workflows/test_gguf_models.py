"""A GGUF file answers wherever a model answers, and can be trained and merged as its dequantised weights."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from burnish.config.generate import SamplingConfig
from burnish.config.model import ModelConfig
from burnish.config.verbs.evaluate import EvaluateConfig, ModelAnswers
from burnish.config.verbs.standalone import GenerateConfig, MergeConfig
from burnish.errors import ConfigError
from burnish.export.dequantize import kept_folder
from burnish.model.folders import model_digest
from burnish.records import Completion
from burnish.records.files import write_records
from burnish.workflows.answer.find_model import find_model
from burnish.workflows.answer.generate import generate, side_by_side
from burnish.workflows.answer.generators import ready, written_by
from burnish.workflows.evaluate.all_models import evaluate_all
from burnish.workflows.evaluate.evaluate import answering, evaluate
from burnish.workflows.export.export import export_merge
from burnish.workflows.recipe import run_recipe
from burnish.workflows.run import requirements
from tests.tiny_gguf import write_gguf
from tests.tiny_models import make_tiny_model
from tests.workflows.evaluate import test_all_models as all_models
from tests.workflows.evaluate.test_reproduce import reproduce_again
from tests.workflows.train.test_launch import recipe

PROMPTS = ("Write a function that adds 17 and 25.", "fn main() {", "How are you?")
GREEDY = SamplingConfig(max_new_tokens=12, temperature=0.0)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder ``base``, and GGUF files of it: ``exact.gguf`` and ``eight.gguf``."""
    place = tmp_path_factory.mktemp("place")
    folder = make_tiny_model(place / "base")
    write_gguf(folder, place / "exact.gguf")
    write_gguf(folder, place / "eight.gguf", q8=True)
    return place


def answers(base: Path) -> ModelAnswers:
    return ModelAnswers(model=ModelConfig(base=str(base), device="cpu"), sampling=GREEDY)


def completions(base: Path, out: Path | None = None) -> list[Completion]:
    return generate(GenerateConfig(out=out, prompts=PROMPTS, answers=answers(base)))


def test_a_gguf_file_generates_what_its_folder_generates(place: Path, tmp_path: Path) -> None:
    folder, exact = completions(place / "base"), completions(place / "exact.gguf", tmp_path / "out.jsonl")
    assert [one.text for one in exact] == [one.text for one in folder]
    assert any(one.text for one in exact)
    eight = completions(place / "eight.gguf")
    assert {one.model_digest for one in exact} == {model_digest(place / "exact.gguf")}
    assert len({one.model_digest for one in (folder[0], exact[0], eight[0])}) == 3
    named = answers(place / "exact.gguf")
    assert answering(EvaluateConfig(out=place / "out", answers=named), (), ready(named))[0] == "exact.gguf"
    [row, *_] = side_by_side(
        GenerateConfig(prompts=PROMPTS, answers=answers(Path("nano"))), [str(place / "base"), str(place / "exact.gguf")]
    )
    assert row.answers[0][1].text == row.answers[1][1].text


def test_an_evaluation_of_a_file_is_recorded_and_reproduced(place: Path, tmp_path: Path) -> None:
    write_records(tmp_path / "tasks.jsonl", all_models.TASKS[:2])
    evaluate(all_models.config(tmp_path, out=tmp_path / "one", answers=answers(place / "exact.gguf")))
    done = reproduce_again(tmp_path, "one")
    assert (done.identical, done.rows) == (True, 2)


def test_gguf_files_are_found_among_models(place: Path, tmp_path: Path) -> None:
    write_records(tmp_path / "tasks.jsonl", all_models.TASKS[:2])
    (tmp_path / "models").mkdir()
    shutil.copy(place / "eight.gguf", tmp_path / "models")
    (one,) = evaluate_all(all_models.config(tmp_path), tmp_path / "models")
    assert (one.name, one.state) == ("eight.gguf", "evaluated")


def test_a_gguf_file_is_a_base_like_any_other(place: Path, tmp_path: Path) -> None:
    planned = recipe(place / "exact.gguf", tmp_path, "mine")
    folder = run_recipe(planned)
    made = kept_folder(place / "exact.gguf")
    written = (made / "model.safetensors").stat().st_mtime_ns
    answering = answers(place / "exact.gguf").model_copy(update={"adapter": folder / "sft" / "adapter"})
    assert find_model(answering).base == made
    merged = export_merge(
        MergeConfig(
            model=ModelConfig(base=str(place / "exact.gguf"), device="cpu"),
            adapter=folder / "sft" / "adapter",
            out=tmp_path / "merged",
        )
    )
    assert (merged.folder / "config.json").is_file()
    assert (made / "model.safetensors").stat().st_mtime_ns == written, "the weights are dequantised once"


def test_vllm_is_refused_with_a_gguf_file(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "missing_packages", lambda packages: [])
    with pytest.raises(ConfigError, match="vllm does not read"):
        written_by(answers(place / "exact.gguf").model_copy(update={"engine": "vllm"}), seed=0)

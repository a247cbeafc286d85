"""Documents that are longer than a block come in pieces of whole items, and only the last one ends the document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from burnish.config.model import ModelConfig
from burnish.config.stages.recipe import Recipe
from burnish.config.verbs.build import BuildTokensConfig
from burnish.data.encode.packing import PackedOnDisk
from burnish.data.pretraining.token_bins import TokenBins
from burnish.errors import ConfigError, DataError
from burnish.model.base import load_model
from burnish.model.source import load_tokenizer
from burnish.model.tokenizer import END_OF_TEXT, train_tokenizer
from burnish.workflows.build.tokens import build_tokens
from burnish.workflows.recipe import run_recipe
from burnish.workflows.train.pretrain import draw_held_out, tokenised_documents
from tests.tiny_models import make_tiny_model

SHAPE = {"hidden_size": 32, "layers": 1, "heads": 2, "intermediate_size": 64, "vocabulary": 320, "block_size": 64}
STEPS = {"effective_batch": 2, "micro_batch": 2, "max_steps": 2, "log_every": 1}


def test_long_documents_are_chunked_and_short_ones_are_not(tmp_path: Path) -> None:
    functions = [f"/// Number {n}.\npub fn number_{n}() -> u32 {{\n    {n}\n}}\n\n" for n in range(40)]
    long, short = "".join(functions), functions[0]
    tokenizer = train_tokenizer([long], vocabulary=300, longest=512, out=tmp_path)
    end = tokenizer.convert_tokens_to_ids(END_OF_TEXT)
    first, *pieces = tokenised_documents([short, long], tokenizer, 128)
    assert tokenizer.decode(first[:-1]) == short
    assert first[-1] == pieces[-1][-1] == end
    assert all(end not in piece for piece in pieces[:-1])
    assert all(len(piece) <= 128 for piece in pieces)
    texts = [str(tokenizer.decode(piece[:-1] if piece[-1] == end else piece)) for piece in pieces]
    assert "".join(texts) == long
    assert all(text.startswith("/// Number") for text in texts)


def pretrain(tmp_path: Path, stage: dict[str, Any], **settings: Any) -> Path:
    said = {"kind": "pretrain", "name": "new", **STEPS, **stage}
    recipe = {"name": "run", "runs_dir": str(tmp_path / "runs"), "report_to": [], "stages": [said], **settings}
    return run_recipe(Recipe.model_validate_json(json.dumps(recipe))) / "new" / "model"


@pytest.fixture
def bins(tmp_path: Path) -> Path:
    crate = tmp_path / "crates" / "one"
    crate.mkdir(parents=True)
    for number in range(12):
        lines = "".join(f"    let x{line} = {number};\n" for line in range(number + 1))
        (crate / f"f{number}.rs").write_text(f"pub fn f{number}() {{\n{lines}}}\n")
    build_tokens(BuildTokensConfig(source=tmp_path / "crates", out=tmp_path / "bins", vocabulary=320, context=128))
    return tmp_path / "bins"


def test_token_bins_are_trained_on_with_their_tokenizer(tmp_path: Path, bins: Path) -> None:
    folder = pretrain(tmp_path, {"tokens": str(bins), **SHAPE})
    tokenizer: Any = load_tokenizer(folder)
    assert "pub fn f0" in tokenizer.decode(TokenBins(bins)[0]) + tokenizer.decode(TokenBins(bins)[1])
    assert (tmp_path / "runs" / "run" / "new" / "training_metadata.json").is_file()


def test_pretraining_continues_a_model_with_text_of_its_tokenizer(tmp_path: Path, bins: Path) -> None:
    base = make_tiny_model(tmp_path / "base", "qwen3")
    build_tokens(BuildTokensConfig(source=tmp_path / "crates", out=tmp_path / "own", tokenizer=base, context=128))
    model = {"base": str(base), "device": "cpu"}
    stage = {"start_from": "base", "tokens": str(tmp_path / "own"), "block_size": 64, "optimizer": "adamw"}
    folder = pretrain(tmp_path, stage, model=model)
    loader: Any = AutoModelForCausalLM
    before, after = (loader.from_pretrained(one).state_dict() for one in (base, folder))
    assert before.keys() == after.keys()
    assert any(not before[name].equal(after[name]) for name in before)
    assert all((before[name] - after[name]).abs().max() < 1e-3 for name in before), "it began where the base stands"
    with pytest.raises(ConfigError, match="built with another tokenizer than that of the model"):
        pretrain(tmp_path / "other", stage | {"tokens": str(bins)}, model=model)
    with pytest.raises(ConfigError, match="block_size 4096 is more than the 512 positions"):
        pretrain(tmp_path / "long", stage | {"block_size": 4096}, model=model)


def evaluations(model: Path) -> list[dict[str, float]]:
    lines = (model.parent / "evaluations.jsonl").read_text().splitlines()
    return [json.loads(line)["values"] for line in lines]


def test_documents_are_held_out_of_bins_and_of_rows(tmp_path: Path, bins: Path) -> None:
    evaluation = {"every": 1, "rows": 3, "best": "loss"}
    folder = pretrain(tmp_path, {"tokens": str(bins), "evaluation": evaluation, **SHAPE})
    model: Any = load_model(folder, ModelConfig(device="cpu")).model
    assert len(evaluations(folder)) == 2
    stored, drawn = TokenBins(bins), draw_held_out(12, 3, seed=0)
    total, count = 0.0, 0
    for ids in (stored[index][start : start + 64] for index in drawn for start in range(0, len(stored[index]), 64)):
        if len(ids) > 1:
            tokens = torch.tensor([ids])
            total += model(input_ids=tokens, labels=tokens).loss.item() * (len(ids) - 1)
            count += len(ids) - 1
    best = min(values["loss"] for values in evaluations(folder))
    assert best == pytest.approx(total / count, rel=1e-2), "the model is stored in bfloat16"
    metrics = [json.loads(line)["values"] for line in (tmp_path / "runs" / "run" / "metrics.jsonl").open()]
    assert [row["eval_loss"] for row in metrics] == [values["loss"] for values in evaluations(folder)]
    packed = PackedOnDisk(stored, 64, without=drawn)
    found = {document for number in range(len(packed)) for document in packed[number].documents}
    begins = [tuple(stored[index][:64]) for index in range(12)]
    assert [index for index in range(12) if begins[index] not in found] == drawn
    rows = [{"text": f"pub fn f{number}() -> i64 {{ {number} }}"} for number in range(20)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = {"sources": [str(tmp_path / "rows.jsonl")]}
    folder = pretrain(tmp_path / "rows", {"evaluation": evaluation, **SHAPE}, data=data)
    assert len(evaluations(folder)) == 2
    with pytest.raises(ValueError, match="a stream does not know them"):
        pretrain(tmp_path / "no", {"evaluation": evaluation, "streaming": True, **SHAPE}, data=data)
    with pytest.raises(DataError, match="holding out 12 of 12 documents leaves none"):
        pretrain(tmp_path / "all", {"tokens": str(bins), "evaluation": evaluation | {"rows": 12}, **SHAPE})


@pytest.mark.parametrize("streaming", [False, True])
def test_text_sources_can_be_pretrained_on(tmp_path: Path, streaming: bool) -> None:
    rows = [{"text": f"pub fn f{number}() -> i64 {{ {number} }}"} for number in range(20)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = {"sources": [str(tmp_path / "rows.jsonl")]}
    folder = pretrain(tmp_path, {"streaming": streaming, **SHAPE}, data=data)
    assert (folder / "model.safetensors").is_file()

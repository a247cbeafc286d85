"""Encoded rows come from the cache when nothing changed, and are made anew when anything did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from burnish.config.data.chat import ChatConfig
from burnish.config.load import load_config
from burnish.config.stages.kinds.sft import SftStage
from burnish.config.stages.recipe import Recipe
from burnish.data.cache import DatasetCache
from burnish.ledger.run_folder import RunFolder
from burnish.model.source import load_tokenizer
from burnish.records import Example, Message
from burnish.workflows.rows.encode import cache_of, encode_rows
from burnish.workflows.run.context import Run
from tests.tiny_models import make_tiny_model

ROWS = [
    Example(
        id=str(index), messages=(Message(role="user", content="ask"), Message(role="assistant", content="x" * index))
    )
    for index in range(1, 6)
]
STAGE = SftStage(name="sft", max_length=64)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("models")
    return make_tiny_model(root / "llama"), make_tiny_model(root / "qwen3", "qwen3")


def entries(cache: Path) -> int:
    return len(DatasetCache(cache).entries())


@pytest.mark.parametrize("packing", [False, True])
def test_cached_rows_are_the_encoded_ones(folders: tuple[Path, Path], tmp_path: Path, packing: bool) -> None:
    tokenizer: Any = load_tokenizer(folders[0])
    stage = STAGE.model_copy(update={"packing": packing})
    now = encode_rows(ROWS, tokenizer, stage, ChatConfig(), None)
    assert now == encode_rows(ROWS, tokenizer, stage, ChatConfig(), tmp_path)
    assert now == encode_rows(ROWS, tokenizer, stage, ChatConfig(), tmp_path)
    assert entries(tmp_path) == 1
    assert (now.packs is not None) == packing


def test_every_change_encodes_rows_again(folders: tuple[Path, Path], tmp_path: Path) -> None:
    tokenizer: Any = load_tokenizer(folders[0])
    other_template: Any = load_tokenizer(folders[0])
    other_template.chat_template = "{{ bos_token or '' }}" + other_template.chat_template
    changed = [ROWS[0].model_copy(update={"weight": 2.0}), *ROWS[1:]]
    chat = ChatConfig()
    calls: list[tuple[list[Example], Any, SftStage, ChatConfig]] = [
        (ROWS, tokenizer, STAGE, chat),
        (changed, tokenizer, STAGE, chat),
        (ROWS[::-1], tokenizer, STAGE, chat),
        (ROWS, other_template, STAGE, chat),
        (ROWS, load_tokenizer(folders[1]), STAGE, chat),
        (ROWS, tokenizer, STAGE.model_copy(update={"max_length": 63}), chat),
        (ROWS, tokenizer, STAGE.model_copy(update={"packing": True}), chat),
        (ROWS, tokenizer, STAGE, ChatConfig(train_roles=("user", "assistant"))),
        (ROWS, tokenizer, STAGE, ChatConfig(thinking="strip")),
        (ROWS, tokenizer, STAGE, ChatConfig(truncate="left")),
    ]
    for count, call in enumerate(calls, 1):
        encode_rows(*call, tmp_path)
        assert entries(tmp_path) == count
    for call in calls:
        encode_rows(*call, tmp_path)
    assert entries(tmp_path) == len(calls)
    # what does not decide the tokens does not matter
    encode_rows(ROWS, tokenizer, STAGE.model_copy(update={"name": "other", "learning_rate": 1.0}), chat, tmp_path)
    assert entries(tmp_path) == len(calls)


def test_without_a_cache_a_run_keeps_its_encoded_rows_for_itself(tmp_path: Path) -> None:
    recipe = load_config(Recipe, None, ["name=x", "stages=[{kind: tasks, name: t}, {kind: sft, name: s}]"])
    run = Run(recipe, RunFolder(tmp_path / "x", "id"), {}, None)
    assert cache_of(run) == tmp_path / "x" / ".encoded"
    shared = recipe.model_copy(update={"data": recipe.data.model_copy(update={"cache": tmp_path / "all"})})
    assert cache_of(Run(shared, RunFolder(tmp_path / "x", "id"), {}, None)) == tmp_path / "all"

"""The context of a model, as its configuration says it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from burnish.model.context import folder_context


@pytest.mark.parametrize(
    ("config", "context"),
    [
        ({"max_position_embeddings": 2048}, 2048),
        ({"n_positions": 1024, "n_ctx": 512}, 1024),
        ({"max_seq_len": 4096}, 4096),
        ({"text_config": {"max_position_embeddings": 64}, "max_position_embeddings": 8}, 64),
        ({"max_position_embeddings": None, "seq_length": 128}, 128),
        ({"max_position_embeddings": -1}, None),
        ({}, None),
    ],
)
def test_the_context_of_a_folder(tmp_path: Path, config: dict[str, Any], context: int | None) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert folder_context(tmp_path) == context


def test_a_folder_without_configuration_says_nothing(tmp_path: Path) -> None:
    assert folder_context(tmp_path) is None

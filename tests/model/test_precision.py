"""What a loaded model computes in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from burnish.config.model import ModelConfig
from burnish.model.base import load_model
from burnish.model.contents import precision_of
from tests.tiny_models import make_tiny_model


@pytest.mark.parametrize(
    ("quantization", "said"),
    [
        (None, "none"),
        ({"kind": "nf4"}, "nf4, double quantised"),
        ({"kind": "nf4", "double_quant": False}, "nf4"),
        ({"kind": "fp4", "double_quant": False}, "fp4"),
        ({"kind": "int8"}, "int8"),
    ],
)
def test_the_precision_of_a_loaded_model(tmp_path: Path, quantization: dict[str, Any] | None, said: str) -> None:
    settings = {"device": "cpu", "dtype": "float32", "quantization": quantization}
    loaded = load_model(make_tiny_model(tmp_path), ModelConfig.model_validate(settings))
    assert precision_of(loaded.model) == ("float32", said)

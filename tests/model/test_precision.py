"""``model.dtype: auto`` depends on device, processor and width, and on nothing that is measured."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoConfig, GPT2Config

from burnish.config.model import ModelConfig
from burnish.model import precision
from burnish.model.folders import NANO
from burnish.model.precision import WIDE, resolve_dtype, width_of

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
HALF, FULL = torch.bfloat16, torch.float32


@pytest.mark.parametrize(
    ("case", "chosen"),
    [
        (("auto", CPU, True, WIDE), HALF),
        (("auto", CPU, True, WIDE - 1), FULL),
        (("auto", CPU, True, None), FULL),
        (("auto", CPU, False, 4096), FULL),
        (("auto", CUDA, False, None), HALF),
        (("float32", CPU, True, 4096), FULL),
        (("float32", CUDA, True, 4096), FULL),
        (("bfloat16", CPU, False, None), HALF),
    ],
)
def test_what_decides_the_precision(
    monkeypatch: pytest.MonkeyPatch, case: tuple[str, torch.device, bool, int | None], chosen: torch.dtype
) -> None:
    dtype, device, products, width = case
    monkeypatch.setattr(precision, "has_bfloat16_products", lambda: products)
    assert resolve_dtype(ModelConfig.model_validate({"dtype": dtype}), device, width) == chosen


def test_the_width_is_that_of_the_language_model() -> None:
    assert width_of(AutoConfig.from_pretrained(NANO)) == 128
    assert width_of(GPT2Config(n_embd=320)) == 320

"""Merge an adapter into its base and check that the merged folder computes the same logits.

The merge is done in float32 and stored in the dtype the base has on disk. Afterwards the stored folder is loaded again
and compared with base plus adapter, both in float32, on fixed token ids: what differs then is rounding of the
stored weights alone. It has a limit, and is told with the share of likeliest tokens that it changes: on bfloat16 a
merged model is not quite the one that was measured as base plus adapter.

An adapter that was trained on a quantised base is merged onto the full-precision weights of the base folder, or onto
the 4-bit weights expanded, the ones used in training. Never into the 4-bit weights themselves: packing
the sum again shifts logits more than an adapter does. How far the merged model is from what was trained is measured.

Not covered: weights that are quantised on disk, other formats.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from burnish.config.compatibility import MergeOnto, merge_refusal
from burnish.config.model import ModelConfig
from burnish.config.quantization import FourBit
from burnish.errors import ConfigError, MachineError
from burnish.fsio import whole_folder
from burnish.model.adapters import read_trained_kind
from burnish.model.base import LoadedModel, load_adapter, load_model, quiet_transformers, stored_dtype

MERGE_TOLERANCE = 1e-3
"""Tolerance for merging in float32, as a share of the standard deviation of all logits; 1e-6 to 1e-5 is usual."""

STORED_TOLERANCE = {torch.float32: 1e-3, torch.float16: 5e-2, torch.bfloat16: 2.5e-1}
"""Tolerance after rounding to the stored dtype, as the same share. bfloat16 (8 bits of mantissa) moves each weight by
up to 0.4 %, which layers add up: 2 to 6 % at the largest of some hundred thousand logits of a tiny model."""

PROBE_ROWS, PROBE_TOKENS = 4, 64


@dataclass(frozen=True)
class LogitDifference:
    """How far the logits of two models are apart on the same tokens."""

    largest: float
    """Largest absolute difference, in logits."""
    share: float
    """The largest as a share of the spread (standard deviation) of all logits."""
    changed_tokens: float
    """Share of positions whose likeliest token is another one."""


@dataclass(frozen=True)
class MergeResult:
    """The merged model's folder, and what merging and rounding changed."""

    folder: Path
    dtype: str
    """What the merged weights are stored as."""
    merged: LogitDifference
    """What adding the adapter to the weights changed, in float32."""
    stored: LogitDifference
    """Between base plus adapter and the merged folder loaded again, both in float32: what rounding costs, too."""
    limit: float
    """Largest share of the spread that ``stored`` may have."""
    largest_difference_from_training: float | None = None
    """The same against the quantised base plus adapter, as trained; None without quantisation."""

    def differences(self) -> dict[str, float]:
        """Both by name, for a table of metrics."""
        by_name = {
            "largest_logit_difference": self.stored.largest,
            "largest_share_of_spread": self.stored.share,
            "limit_of_share": self.limit,
            "changed_greedy_tokens": self.stored.changed_tokens,
            "before_rounding": self.merged.largest,
        }
        if self.largest_difference_from_training is not None:
            by_name["largest_difference_from_training"] = self.largest_difference_from_training
        return by_name


def merge_adapter(
    base: Path, adapter: Path, out: Path, *, model: ModelConfig, onto: MergeOnto = "stored"
) -> MergeResult:
    """Write the merged model, tokenizer and chat template to ``out`` atomically.

    Args:
        base: folder of the base.
        adapter: folder that training wrote for this base.
        out: replaced when there.
        model: the device, and how the base was quantised in training; the merge is done in float32 whatever
            ``model.dtype`` says.
        onto: ``stored`` merges onto the base's full-precision weights, ``dequantized`` onto the 4-bit ones expanded.

    Raises:
        ConfigError: base and adapter do not belong together, or this kind of base cannot be merged into.
        MachineError: the merged model computes other logits than base plus adapter; nothing is kept.
    """
    dtype = _check_mergeable(base, adapter, model, onto)
    exact = _in_float32(model)
    plain = exact.model_copy(update={"quantization": None})
    trained = None if model.quantization is None else _quantized_logits(base, adapter, exact)
    if onto == "dequantized":
        loaded = load_adapter(base, adapter, exact, dequantized=True)
    else:
        loaded = load_adapter(base, adapter, plain)
    probe = _probe_tokens(loaded)
    expected = _logits(loaded.model, probe)
    if trained is not None and onto == "dequantized":
        check_logits(trained, expected, MERGE_TOLERANCE, "expanded to full precision")
    with whole_folder(out, replacing=True) as folder:
        peft_model: Any = loaded.model
        merged = peft_model.merge_and_unload()
        exactly = check_logits(expected, _logits(merged, probe), MERGE_TOLERANCE, "merged in memory")
        _save(merged.to(dtype), loaded.tokenizer, folder)
        stored = _logits(load_model(folder, plain).model, probe)
        limit = STORED_TOLERANCE[dtype]
        rounded = check_logits(expected, stored, limit, f"merged and stored as {dtype}")
    from_training = None if trained is None else (trained - stored).abs().max().item()
    return MergeResult(out, str(dtype).removeprefix("torch."), exactly, rounded, limit, from_training)


def _check_mergeable(base: Path, adapter: Path, model: ModelConfig, onto: MergeOnto) -> torch.dtype:
    """Return the dtype of the merged weights; raise ConfigError if they cannot be merged."""
    kind = "none" if model.quantization is None else model.quantization.kind
    refusal = merge_refusal(read_trained_kind(adapter), kind, onto)
    if refusal is not None:
        cause, _, way_out = refusal.partition(": ")
        raise ConfigError(f"{cause}.", f"{way_out[:1].upper()}{way_out[1:]}.")
    dtype = stored_dtype(base)
    if dtype not in STORED_TOLERANCE:
        raise ConfigError(
            f"the weights in {base} are stored as {dtype}, not in full precision.",
            "Merge onto the float32, float16 or bfloat16 weights that the model was quantised from.",
        )
    return dtype


def _in_float32(model: ModelConfig) -> ModelConfig:
    exact = model.model_copy(update={"dtype": "float32"})
    if not isinstance(model.quantization, FourBit):
        return exact
    quantization = model.quantization.model_copy(update={"compute_dtype": "float32"})
    return exact.model_copy(update={"quantization": quantization})


def _quantized_logits(base: Path, adapter: Path, exact: ModelConfig) -> torch.Tensor:
    loaded = load_adapter(base, adapter, exact)
    return _logits(loaded.model, _probe_tokens(loaded))


def check_logits(expected: torch.Tensor, actual: torch.Tensor, tolerance: float, what: str) -> LogitDifference:
    """Compare logits (B, T, V); MachineError when they differ by more than ``tolerance`` times the spread of
    ``expected``."""
    largest = (expected - actual).abs().max().item()
    share = largest / max(expected.std().item(), 1e-9)
    if not share <= tolerance:
        raise MachineError(
            f"{what}, the model's logits differ from base plus adapter by up to {largest:.3g}, {share:.2%} of their "
            f"spread; {tolerance:.2%} is allowed.",
            "No file was written; base and adapter are unchanged: use them without merging.",
        )
    changed = (expected.argmax(-1) != actual.argmax(-1)).float().mean().item()
    return LogitDifference(largest, share, changed)


def _save(model: Any, tokenizer: Any, folder: Path) -> None:
    with quiet_transformers():
        model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _probe_tokens(loaded: LoadedModel) -> torch.Tensor:
    """Return fixed token ids, (PROBE_ROWS, PROBE_TOKENS)."""
    draw = random.Random(0)
    rows = [[draw.randrange(len(loaded.tokenizer)) for _ in range(PROBE_TOKENS)] for _ in range(PROBE_ROWS)]
    return torch.tensor(rows, device=loaded.device)


def _logits(model: Any, probe: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        output = model(input_ids=probe, use_cache=False)
    return torch.as_tensor(output.logits).float().cpu()

"""Define which methods, adapters, quantisations, merges, exports and servers combine.

This is the only place with these rules. `check_training` and `check_merge` run when a recipe is read; `rows` is the
table of ``burnish plan --matrix``; tests train every allowed cell and see every other one refused. Reasons hold for the
pinned libraries (PEFT 0.21, bitsandbytes 0.50, torch 2.13): check them again after an upgrade.

Not covered: whether a package is installed, or the model fits into memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from burnish.config.base import PlacedError

Method = Literal["pretrain", "sft", "preference", "grpo"]
Trained = Literal["full", "lora", "rslora", "dora", "pissa", "vera"]
Base = Literal["none", "nf4", "fp4", "int8", "hqq", "gptq", "awq"]
MergeOnto = Literal["stored", "dequantized"]

METHODS: tuple[Method, ...] = get_args(Method)
TRAINED: tuple[Trained, ...] = get_args(Trained)
BASES: tuple[Base, ...] = get_args(Base)
ADAPTERS = tuple(kind for kind in TRAINED if kind != "full")

FOUR_BIT = ("nf4", "fp4")
QUANTIZED_WHILE_LOADING = ("nf4", "fp4", "int8", "hqq")
QUANTIZED_ON_DISK = ("gptq", "awq")

LABELS: dict[str, str] = {
    "full": "full fine-tuning",
    "lora": "LoRA",
    "rslora": "rsLoRA",
    "dora": "DoRA",
    "pissa": "PiSSA",
    "vera": "VeRA",
    "none": "an unquantised base",
    "nf4": "NF4",
    "fp4": "FP4",
    "int8": "int8",
    "hqq": "HQQ",
    "gptq": "GPTQ",
    "awq": "AWQ",
}


class IllegalCombinationError(PlacedError):
    """A recipe combines incompatible settings; the message gives the reason and the fix."""


@dataclass(frozen=True)
class Refusal:
    """Illegal combinations; an empty tuple means all values of that axis."""

    methods: tuple[str, ...]
    trained: tuple[str, ...]
    bases: tuple[str, ...]
    reason: str
    """The reason, and the fix after the colon."""

    def covers(self, method: str, trained: str, base: str) -> bool:
        return all(
            not allowed or value in allowed
            for allowed, value in ((self.methods, method), (self.trained, trained), (self.bases, base))
        )


TRAINING: tuple[Refusal, ...] = (
    Refusal(
        ("pretrain",),
        ADAPTERS,
        (),
        "pretraining trains every weight: remove the adapter, or use an sft stage",
    ),
    Refusal(
        (),
        ("full",),
        (*QUANTIZED_WHILE_LOADING, *QUANTIZED_ON_DISK),
        "quantised weights cannot be trained: use an adapter such as lora, or remove model.quantization",
    ),
    Refusal(
        (),
        ("pissa",),
        QUANTIZED_WHILE_LOADING,
        "PiSSA needs the singular vectors of full-precision weights: use lora, or remove model.quantization",
    ),
    Refusal(
        (),
        ("dora",),
        ("int8",),
        "DoRA's norms cannot be read from int8 weights (PEFT loses their scales): use nf4, or lora",
    ),
)
"""Refused trainings; the first match gives the reason."""

MERGING: tuple[Refusal, ...] = (
    Refusal((), ("full",), (), "full fine-tuning has no adapter to merge: its stage already wrote the whole model"),
    Refusal(
        (),
        (),
        QUANTIZED_ON_DISK,
        "{base} + {trained} cannot be merged, because its weights are packed: export the adapter, or train on NF4",
    ),
)
"""Refused merges; the first match gives the reason."""

SERVED_BY_VLLM = ("lora", "rslora", "pissa")
"""Adapters that vLLM loads beside a base; it refuses DoRA and VeRA."""


def training_refusal(method: Method, trained: Trained, base: Base) -> str | None:
    """Return why this cannot be trained, with the fix; None when it can."""
    return _refusal(TRAINING, method, trained, base)


def merge_refusal(trained: Trained, base: Base, onto: MergeOnto = "stored") -> str | None:
    """Return why the adapter cannot be merged, with the fix; None when it can.

    Args:
        trained: the adapter's kind.
        base: how the base was quantised while the adapter was trained.
        onto: ``stored`` are the full-precision weights of the base folder, ``dequantized`` those that training saw.
    """
    refusal = _refusal(MERGING, "", trained, base)
    if refusal is None and onto == "dequantized" and base not in FOUR_BIT:
        return f"only nf4 and fp4 weights can be dequantised for a merge, not {LABELS[base]}: merge onto stored"
    return refusal


def _refusal(
    refusals: tuple[Refusal, ...], method: str, trained: str, base: str, *, named: str | None = None
) -> str | None:
    for refusal in refusals:
        if refusal.covers(method, trained, base):
            return refusal.reason.format(trained=named or LABELS[trained], base=LABELS[base])
    return None


@dataclass(frozen=True)
class Row:
    """One line of the matrix: the options for one kind of training on one kind of base."""

    trained: Trained
    base: Base
    methods: tuple[Method, ...]
    """Methods that can train it; empty when it is refused."""
    refusal: str
    """Why no method can train it, or empty."""
    merge: str
    """Weights it can be merged onto; empty when it cannot be merged."""
    merge_refusal: str
    """Why it cannot be merged, or empty."""
    export: str
    """Forms it can be exported in."""
    serve: str
    """Engines that can serve it."""


def rows() -> Iterator[Row]:
    """Return the whole matrix, unquantised bases first."""
    for base in BASES:
        for trained in TRAINED:
            yield _row(trained, base)


def _row(trained: Trained, base: Base) -> Row:
    methods = tuple(method for method in METHODS if training_refusal(method, trained, base) is None)
    if not methods:
        return Row(trained, base, (), training_refusal("sft", trained, base) or "", "", "", "", "")
    unmergeable = _refusal(MERGING, "", trained, base, named="an adapter")
    onto = [where for where in get_args(MergeOnto) if merge_refusal(trained, base, where) is None]
    if trained == "full":
        export, serve = "model", "transformers, vLLM"
    else:
        export = "adapter" if unmergeable else "adapter, merged model"
        vllm = trained in SERVED_BY_VLLM and base != "hqq"
        serve = "transformers" + (", vLLM" if vllm else ", vLLM merged" if not unmergeable else "")
    return Row(trained, base, methods, "", " or ".join(onto), unmergeable or "", export, serve)

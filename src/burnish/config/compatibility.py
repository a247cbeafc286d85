"""What goes together: training method, what is trained, quantisation of the base, then merge, export and serve.

The one place that knows. `check_training` and `check_merge` are asked when a recipe is read; `rows` is the table that
``burnish plan --matrix`` prints; the tests train every cell that is allowed here and see every other one refused.
Reasons speak of the pinned libraries (PEFT 0.21, bitsandbytes 0.50, torch 2.13): an upgrade means trying again.

Not covered: whether a package is installed, or the model fits into memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

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


class IllegalCombinationError(ValueError):
    """A recipe combines what cannot go together; the message says why, with the way out."""


@dataclass(frozen=True)
class Refusal:
    """Combinations that cannot be; an empty tuple means all of that axis."""

    methods: tuple[str, ...]
    trained: tuple[str, ...]
    bases: tuple[str, ...]
    reason: str
    """Why, and after the colon the way out."""

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
        "pretraining trains every weight: leave the adapter out, or take an sft stage",
    ),
    Refusal(
        (),
        ("full",),
        (*QUANTIZED_WHILE_LOADING, *QUANTIZED_ON_DISK),
        "quantised weights cannot be trained: take an adapter such as lora, or leave model.quantization out",
    ),
    Refusal(
        (),
        ("pissa",),
        QUANTIZED_WHILE_LOADING,
        "PiSSA takes singular vectors out of full-precision weights: take lora, or leave model.quantization out",
    ),
    Refusal(
        (),
        ("dora",),
        ("int8",),
        "DoRA's norms cannot be read from int8 weights (PEFT loses their scales): take nf4, or lora",
    ),
)
"""What cannot be trained, first match first."""

MERGING: tuple[Refusal, ...] = (
    Refusal((), ("full",), (), "full fine-tuning leaves no adapter to merge: its stage has written the whole model"),
    Refusal(
        (),
        (),
        QUANTIZED_ON_DISK,
        "{base} + {trained} cannot be merged, its weights are packed: export the adapter, or train on NF4",
    ),
)
"""What cannot be merged, first match first."""

SERVED_BY_VLLM = ("lora", "rslora", "pissa")
"""Adapters that vLLM loads beside a base; it refuses DoRA and VeRA."""


def training_refusal(method: Method, trained: Trained, base: Base) -> str | None:
    """Why this cannot be trained, with the way out; None when it can."""
    return _refusal(TRAINING, method, trained, base)


def merge_refusal(trained: Trained, base: Base, onto: MergeOnto = "stored") -> str | None:
    """Why the adapter cannot be merged, with the way out; None when it can.

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
    """One line of the matrix: what can be done with a kind of training on a kind of base."""

    trained: Trained
    base: Base
    methods: tuple[Method, ...]
    """Methods that can train it; none when it is refused."""
    refusal: str
    """Why no method can, or nothing."""
    merge: str
    """Onto which weights; nothing when it cannot be merged."""
    merge_refusal: str
    """Why it cannot be merged, or nothing."""
    export: str
    """What can be given away."""
    serve: str
    """What answers with it."""


def rows() -> Iterator[Row]:
    """The whole matrix, unquantised bases first."""
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

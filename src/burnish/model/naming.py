"""Format and parse names of model folders and quantisation tags. Imports no torch.

    model  = base "-" dataset "_" method "_" adapter [rank] "_" tag      a trained model
           | base "-base" ["_" tag]                                      a base model as it came
    tag    = method ["_w" bits] ["_g" group] ["_a" bits] ["_kv" bits] {"_" extra}     extras sorted by key
    extra  = key [value]                                             a value begins with a digit; "head" DTYPE is one

`QuantizationTag` and `ModelName` accept exactly what the grammar can say, so that ``parse(str(name)) == name``; what a
user or a folder is called is made fit by `clean`. A name says what was done to the model, not what was planned: the
callers read it off the model (`model.contents`).

Not covered: old names that break the grammar; they are refused, never guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from burnish.errors import ConfigError

METHODS = (
    "NoQuant",
    "QLORA",
    "GPTQ",
    "QuaRot",
    "AdaRound",
    "BRECQ",
    "AWQ",
    "HQQ",
    "SmoothQuant",
    "INT8",
    "BNB4BIT",
)
PLAIN_BITS = (8, 16)
"""Bits of activations and of the key-value cache that a tag leaves out."""
BASE = "base"
_RESERVED = ("w", "g", "a", "kv")


@dataclass(frozen=True)
class QuantizationTag:
    """The quantisation that a tag describes; raises ConfigError for values outside the grammar."""

    method: str
    """One of `METHODS`."""
    weights_bits: int | None = None
    group_size: int | None = None
    activations_bits: int | None = None
    """None also for 8 and 16, which a tag leaves out."""
    kv_cache_bits: int | None = None
    """As ``activations_bits``."""
    lm_head_dtype: str | None = None
    """Such as ``bf16``."""
    extras: Mapping[str, str | bool] = field(default_factory=dict)
    """Letters -> True for a bare key, or a value that begins with a digit."""

    def __post_init__(self) -> None:
        _require(self.method in METHODS, f"{self.method!r} is not one of {', '.join(METHODS)}")
        if self.method == "NoQuant":
            parts = (self.weights_bits, self.group_size, self.lm_head_dtype)
            _require(parts == (None, None, None), "NoQuant has neither bits nor groups nor a head")
        for number in (self.weights_bits, self.group_size, self.activations_bits, self.kv_cache_bits):
            _require(number is None or number > 0, "bits and group sizes are positive")
        for bits in (self.activations_bits, self.kv_cache_bits):
            _require(bits not in PLAIN_BITS, f"{bits} bits of activations or cache are left out of a tag")
        head = self.lm_head_dtype
        _require(head is None or bool(re.fullmatch(r"[a-z0-9.-]+", head)), f"{head!r} is not a dtype")
        for key, value in self.extras.items():
            taken = key in _RESERVED or key.startswith("head")
            _require(bool(re.fullmatch(r"[A-Za-z]+", key)) and not taken, f"{key!r} cannot be an extra")
            fits = value is True or (isinstance(value, str) and bool(re.fullmatch(r"[0-9][A-Za-z0-9.-]*", value)))
            _require(fits, f"{value!r} cannot be the value of an extra")

    def __str__(self) -> str:
        parts = [self.method]
        for letter, number in (("w", self.weights_bits), ("g", self.group_size)):
            parts += [f"{letter}{number}"] * (number is not None)
        for letter, number in (("a", self.activations_bits), ("kv", self.kv_cache_bits)):
            parts += [f"{letter}{number}"] * (number is not None)
        extras = {key: "" if value is True else str(value) for key, value in self.extras.items()}
        if self.lm_head_dtype is not None:
            extras["head"] = self.lm_head_dtype
        return "_".join(parts + [key + value for key, value in sorted(extras.items())])


def quantization_tag(
    method: str,
    *,
    weights_bits: int | None = None,
    group_size: int | None = None,
    activations_bits: int | None = None,
    kv_cache_bits: int | None = None,
    lm_head_dtype: str | None = None,
) -> QuantizationTag:
    """Build the tag of a quantisation; ``method`` in any case, with or without - and _."""
    known = {_bare(name): name for name in METHODS}
    _require(_bare(method) in known, f"{method!r} is not one of {', '.join(METHODS)}")
    name = known[_bare(method)]
    return QuantizationTag(
        name,
        weights_bits=None if name == "NoQuant" else weights_bits,
        group_size=None if name == "NoQuant" else group_size,
        activations_bits=None if activations_bits in PLAIN_BITS else activations_bits,
        kv_cache_bits=None if kv_cache_bits in PLAIN_BITS else kv_cache_bits,
        lm_head_dtype=None if name == "NoQuant" or lm_head_dtype is None else clean(lm_head_dtype).lower(),
    )


def parse_tag(text: str) -> QuantizationTag:
    """Parse a tag; raise ConfigError when it is invalid."""
    method, *parts = text.split("_")
    known = {_bare(name): name for name in METHODS}
    _require(_bare(method) in known, f"{text!r} does not begin with one of {', '.join(METHODS)}")
    numbers: dict[str, int] = {}
    extras: dict[str, str | bool] = {}
    head = None
    for part in parts:
        number = re.fullmatch(r"(w|g|a|kv)([0-9]+)", part)
        extra = re.fullmatch(r"([A-Za-z]+)([0-9][A-Za-z0-9.-]*)?", part)
        if number:
            _require(number[1] not in numbers, f"{text!r} says {number[1]} twice")
            numbers[number[1]] = int(number[2])
        elif part.startswith("head"):
            _require(head is None, f"{text!r} says head twice")
            head = part.removeprefix("head")
        elif extra:
            _require(extra[1] not in extras, f"{text!r} says {extra[1]} twice")
            extras[extra[1]] = extra[2] or True
        else:
            _require(False, f"{text!r} has a part {part!r} that no tag has")
    return QuantizationTag(
        known[_bare(method)],
        weights_bits=numbers.get("w"),
        group_size=numbers.get("g"),
        activations_bits=numbers.get("a"),
        kv_cache_bits=numbers.get("kv"),
        lm_head_dtype=head,
        extras=extras,
    )


@dataclass(frozen=True)
class ModelName:
    """The parts of a model's name; for a base model ``dataset`` and later parts are None."""

    base: str
    """Last part of the base's path: letters, digits, ``-`` and ``.``."""
    dataset: str | None = None
    """Letters, digits and ``.``; not ``base``."""
    finetuning: str | None = None
    """``SFT``, ``DPO``, ``KTO``, ``PT``: capitals and digits."""
    adapter: str | None = None
    """``LoRa``, ``DoRa``, ``VeRa``, ``NoPeft``: letters."""
    rank: int | None = None
    quantization: QuantizationTag = field(default_factory=lambda: QuantizationTag("NoQuant"))

    def __post_init__(self) -> None:
        _require(bool(re.fullmatch(r"[A-Za-z0-9.-]+", self.base)), f"{self.base!r} cannot be a base's name")
        parts = (self.dataset, self.finetuning, self.adapter)
        if self.dataset is None:
            _require(
                parts == (None, None, None) and self.rank is None, "a base model has no dataset, method or adapter"
            )
            return
        _require(self.dataset != BASE, "a dataset cannot be called 'base'")
        for value, pattern in zip(parts, (r"[A-Za-z0-9.]+", r"[A-Z][A-Z0-9]*", r"[A-Za-z]+"), strict=True):
            _require(value is not None and bool(re.fullmatch(pattern, value)), f"{value!r} does not fit in a name")
        _require(self.rank is None or self.rank > 0, "a rank is positive")

    def __str__(self) -> str:
        tag = str(self.quantization)
        if self.dataset is None:
            return f"{self.base}-{BASE}" + (f"_{tag}" if tag != "NoQuant" else "")
        rank = "" if self.rank is None else str(self.rank)
        return f"{self.base}-{self.dataset}_{self.finetuning}_{self.adapter}{rank}_{tag}"


def parse_model_name(text: str) -> ModelName:
    """Parse a name; raise ConfigError when it is invalid."""
    head, *rest = text.split("_")
    base, dash, dataset = head.rpartition("-")
    _require(bool(dash), f"{text!r} has no dataset after its base model")
    if dataset == BASE:
        _require(rest != ["NoQuant"], f"{text!r}: a base model without quantisation bears no tag")
        return ModelName(base, quantization=parse_tag("_".join(rest)) if rest else QuantizationTag("NoQuant"))
    _require(len(rest) >= 3, f"{text!r} lacks a method, an adapter or a quantisation")
    adapter = re.fullmatch(r"([A-Za-z]+)([1-9][0-9]*)?", rest[1])
    if adapter is None:
        raise _broken(f"{text!r} names no adapter in {rest[1]!r}")
    rank = int(adapter[2]) if adapter[2] else None
    return ModelName(base, dataset, rest[0], adapter[1], rank, parse_tag("_".join(rest[2:])))


def clean(text: str, *, keep: str = ".-") -> str:
    """Remove all characters from ``text`` but letters, digits and ``keep``."""
    return "".join(sign for sign in text if (sign.isascii() and sign.isalnum()) or sign in keep)


def _bare(method: str) -> str:
    return method.lower().replace("-", "").replace("_", "")


def _require(holds: bool, cause: str) -> None:
    if not holds:
        raise _broken(cause)


def _broken(cause: str) -> ConfigError:
    return ConfigError(
        f"model name or tag: {cause}.",
        "Names are BASE-DATASET_METHOD_ADAPTERRANK_TAG, such as nano-rust_SFT_LoRa16_NoQuant.",
    )

"""Store and check an adapter's origin: digests in ``burnish.json`` next to it.

Not covered: the adapter's weights (`model.base.load_adapter`, PEFT).
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import ClassVar

from pydantic import ValidationError

from burnish.config.compatibility import Trained
from burnish.errors import ConfigError
from burnish.fsio import disk_errors, read_object, write_atomic
from burnish.records import Record
from burnish.records.layout import ADAPTER_CONFIG, ADAPTER_WEIGHTS, MADE_WITH, ORIGIN


class AdapterOrigin(Record):
    """The base, chat template and rows that an adapter was trained on."""

    SCHEMA_VERSION: ClassVar[int] = 1

    base_digest: str
    """`model_digest` of the base model's folder."""
    template_digest: str
    """Digest of the chat template that the training rows were rendered with."""
    dataset_digest: str
    """Digest of the encoded training rows, in order."""
    quantization: str | None = None
    """Kind of the base's quantisation while the adapter was trained; None for full precision."""


def write_origin(folder: Path, origin: AdapterOrigin) -> None:
    """Store ``origin`` next to the adapter."""
    write_atomic(folder / ORIGIN, origin.to_json() + "\n")


def read_origin(folder: Path) -> AdapterOrigin:
    """Read the origin; raise ConfigError when the folder is not an adapter of burnish."""
    for name in (ADAPTER_CONFIG, ADAPTER_WEIGHTS, ORIGIN):
        if not (folder / name).is_file():
            there = ", ".join(sorted(p.name for p in folder.iterdir())[:12]) if folder.is_dir() else "no such folder"
            raise ConfigError(
                f"{folder} is not an adapter folder: {name} is missing; it holds: {there or 'nothing'}.",
                "Give the adapter folder that an sft stage wrote (runs/NAME/STAGE/adapter).",
            )
    try:
        return AdapterOrigin.model_validate_json((folder / ORIGIN).read_bytes())
    except ValidationError as error:
        raise ConfigError(
            f"{folder / ORIGIN} is not readable: {error.errors()[0]['msg']}.",
            "Train the adapter again with this version of burnish.",
        ) from error


def read_trained_kind(folder: Path) -> Trained:
    """Return the ``adapter.kind`` of an adapter folder; ``lora`` for PiSSA, stored as LoRA."""
    read_origin(folder)
    config = read_object(folder / ADAPTER_CONFIG)
    if config.get("peft_type") == "VERA":
        return "vera"
    if config.get("use_dora"):
        return "dora"
    return "rslora" if config.get("use_rslora") else "lora"


def check_origin(folder: Path, *, base_digest: str, template_digest: str) -> None:
    """Raise ConfigError when the adapter was trained on another base model or with another chat template."""
    origin = read_origin(folder)
    for what, stored, actual in (
        ("base model", origin.base_digest, base_digest),
        ("chat template", origin.template_digest, template_digest),
    ):
        if stored != actual:
            raise ConfigError(
                f"the adapter {folder} was trained on a different {what} "
                f"(digest {stored[:12]}, this one is {actual[:12]}).",
                "Load it on the model folder that it was trained from, unchanged, or train it again.",
            )


_DATASETS = ("rows", "prompts")
"""What the methods call the data that their checkpoints were made with."""


def copy_with_origin(source: Path, into: Path) -> Path:
    """Copy an adapter or a checkpoint of one, with its origin; returns ``into``.

    A checkpoint's origin is what its training noted beside the checkpoints.

    Raises:
        ConfigError: no adapter, one of unknown origin, or a checkpoint of PiSSA.
    """
    check_start(source)
    with disk_errors(into):
        shutil.rmtree(into, ignore_errors=True)
        into.mkdir(parents=True)
        for name in (ADAPTER_CONFIG, ADAPTER_WEIGHTS):
            shutil.copy(source / name, into)
    if (source / ORIGIN).is_file():
        shutil.copy(source / ORIGIN, into)
    else:
        made = read_object(source.parent / MADE_WITH)
        quantization = made["quantization"]
        origin = AdapterOrigin(
            base_digest=made["base model"],
            template_digest=made["chat template"],
            dataset_digest=next((made[name] for name in _DATASETS if name in made), ""),
            quantization=None if quantization is None else quantization["kind"],
        )
        write_origin(into, origin)
    return into


def check_start(source: Path) -> None:
    """Raise ConfigError where a training cannot start from ``source``: as `copy_with_origin`, reading no weights."""
    missing = [name for name in (ADAPTER_CONFIG, ADAPTER_WEIGHTS) if not (source / name).is_file()]
    if missing:
        raise ConfigError(
            f"start_from is {source}, which is not an adapter: {missing[0]} is missing.",
            "Give a stage, the adapter folder of a run (runs/NAME/STAGE/adapter), or one of its checkpoints.",
        )
    record = source.parent / MADE_WITH
    if (source / ORIGIN).is_file():
        return
    if not record.is_file():
        raise ConfigError(
            f"{source} does not say which base model it was trained on.",
            f"It needs {ORIGIN} in it, or {MADE_WITH} beside it, as burnish writes them.",
        )
    made = read_object(record, needs={"adapter.kind": str, "base model": str, "chat template": str})
    if made["adapter"]["kind"] == "pissa":
        raise ConfigError(
            f"{source} is a checkpoint of PiSSA, which says nothing without the weights it began with.",
            "Start from the adapter that the stage wrote at its end.",
        )

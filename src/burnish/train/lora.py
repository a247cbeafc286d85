"""LoRA adapters: put one on a model, and write it to disk so that equal weights make equal files.

Not covered: quantised bases, several adapters at once.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from peft import LoraConfig as PeftLoraConfig
from peft import get_peft_model

from burnish.config.train import LoraConfig
from burnish.errors import ConfigError
from burnish.fsio import disk_errors, write_json
from burnish.model.adapters import AdapterOrigin, write_origin


def attach_lora(model: Any, config: LoraConfig) -> Any:
    """The model with a fresh adapter; the base is frozen. The seed must have been set before.

    Raises:
        ConfigError: ``target_modules`` or ``modules_to_save`` names nothing in the model.
    """
    linear = config.target_modules == "all-linear"
    names = {name.rsplit(".", 1)[-1] for name, _ in model.named_modules() if name}
    _check_names("modules_to_save", config.modules_to_save, names)
    if not linear:
        _check_names("target_modules", config.target_modules, {name for name, _ in model.named_modules()} | names)
    tied = bool(model.config.get_text_config().tie_word_embeddings)
    return get_peft_model(
        model,
        PeftLoraConfig(
            r=config.r,
            lora_alpha=config.alpha,
            lora_dropout=config.dropout,
            target_modules="all-linear" if linear else list(config.target_modules),
            modules_to_save=list(config.modules_to_save) or None,
            ensure_weight_tying=tied and bool(config.modules_to_save),
            task_type="CAUSAL_LM",
        ),
    )


def _check_names(key: str, wanted: tuple[str, ...] | str, names: set[str]) -> None:
    for name in wanted:
        if name not in names:
            raise ConfigError(
                f"lora.{key} names {name!r}, which the model does not have.",
                f"Its module names are: {', '.join(sorted(name for name in names if not name.isdigit())[:24])}.",
            )


def save_adapter(model: Any, tokenizer: Any, folder: Path, origin: AdapterOrigin) -> None:
    """Write adapter, tokenizer and origin into ``folder``, whole or not at all; replaces an earlier one.

    The path of the base and the random order of sets are taken out of ``adapter_config.json``, so that training the
    same thing elsewhere gives the same digest.
    """
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    with disk_errors(folder):
        shutil.rmtree(temporary, ignore_errors=True)
        try:
            model.save_pretrained(temporary)
            tokenizer.save_pretrained(temporary)
            (temporary / "README.md").unlink(missing_ok=True)
            config_file = temporary / "adapter_config.json"
            config = json.loads(config_file.read_bytes())
            config["base_model_name_or_path"] = None
            for key, value in config.items():
                if isinstance(value, list) and all(isinstance(item, str) for item in value):
                    config[key] = sorted(value)
            write_json(config_file, config)
            write_origin(temporary, origin)
            shutil.rmtree(folder, ignore_errors=True)
            temporary.rename(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

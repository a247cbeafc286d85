"""Prepare the trained weights of a model: attach or continue an adapter or free every weight, and write the result.

Equal weights make equal files. Not covered: several adapters at once.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, assert_never

import torch
from peft import LoraConfig as PeftLoraConfig
from peft import PeftConfig, PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from peft import VeraConfig as PeftVeraConfig
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors.torch import load_file, save_file
from torch import nn

from burnish.config.stages.adapters import (
    AdapterConfig,
    DoraConfig,
    FullWeights,
    LoraConfig,
    LowRank,
    PissaConfig,
    RsLoraConfig,
    VeraConfig,
)
from burnish.config.stages.embeddings import tied_target
from burnish.errors import ConfigError
from burnish.fsio import disk_errors, write_json
from burnish.model.adapters import AdapterOrigin, write_origin
from burnish.model.quantized import is_quantized_linear
from burnish.records.layout import ADAPTER_CONFIG, ADAPTER_WEIGHTS

QUERIES_AND_VALUES = ({"q_proj", "v_proj"}, {"query", "value"}, {"q_lin", "v_lin"})
FEED_FORWARD = (
    {"gate_proj", "up_proj", "down_proj"},
    {"gate_up_proj", "down_proj"},
    {"w1", "w2", "w3"},
    {"fc1", "fc2"},
    {"c_fc", "c_proj"},
    {"dense_h_to_4h", "dense_4h_to_h"},
)
"""Names of these layers in known architectures; the first set with all names in the model is used."""

PISSA_START = "pissa_start"
"""Attribute of the model that keeps PiSSA's initial A and B, by module name."""
SHAPE = ("peft_type", "r", "lora_alpha", "use_rslora", "use_dora", "target_modules", "modules_to_save")
"""Settings of an adapter that determine the meaning of its weights."""


def attach_adapter(model: Any, config: AdapterConfig) -> Any:
    """Prepare the model for training: a fresh adapter on a frozen base, or every weight free and in float32.

    Weights in bfloat16 cannot be trained in place: an update below 1/256 of a weight is rounded away. The caller must
    set the seed.

    Raises:
        ConfigError: ``target_modules`` or ``modules_to_save`` names nothing in the model, or a quantised module to
            train whole.
    """
    match config:
        case FullWeights():
            return model.float().requires_grad_(True)
        case VeraConfig():
            peft_config: Any = PeftVeraConfig(
                r=config.r,
                vera_dropout=config.dropout,
                d_initial=config.d_initial,
                target_modules=_targets(model, config.target_modules),
                projection_prng_key=torch.initial_seed() % 2**31,
                save_projection=True,
                task_type="CAUSAL_LM",
            )
        case LoraConfig() | RsLoraConfig() | DoraConfig() | PissaConfig():
            peft_config = _low_rank(model, config)
        case _:
            assert_never(config)
    peft_model = get_peft_model(model, peft_config)
    if isinstance(config, PissaConfig):
        setattr(peft_model, PISSA_START, _low_rank_factors(peft_model))
    return peft_model


def continue_adapter(model: Any, folder: Path, kind: str) -> None:
    """Put the weights in ``folder`` into the fresh adapter of a PEFT model.

    ``kind`` is the stage's; the caller checks that the adapter was trained on this base. PiSSA cannot continue from
    weights, since it subtracts its initial product from the base.

    Raises ConfigError when the two adapters are not of the same kind and shape.
    """
    if not hasattr(model, "peft_config") or kind == "pissa":
        raise ConfigError(
            f"an adapter cannot be continued as {kind}.",
            "Set previous_adapter to merge, or say its own kind.",
        )
    fresh, stored = model.peft_config["default"], PeftConfig.from_pretrained(str(folder))
    for key in SHAPE:
        fresh_value, stored_value = _plain(getattr(fresh, key, None)), _plain(getattr(stored, key, None))
        if fresh_value != stored_value:
            raise ConfigError(
                f"the adapter {folder} has {key} {stored_value}, and the stage trains one with {fresh_value}.",
                "Say the same adapter in the stage, or set previous_adapter to merge.",
            )
    result: Any = set_peft_model_state_dict(model, load_file(folder / ADAPTER_WEIGHTS))
    if result.unexpected_keys:
        raise ConfigError(
            f"the adapter {folder} has weights for {result.unexpected_keys[0]}, which the model does not have.",
            "Start from an adapter of this base model.",
        )


def _plain(value: Any) -> Any:
    if isinstance(value, set | list | tuple):
        return sorted(value) or None
    return getattr(value, "value", value)


def set_input_casts(model: Any, *, on: bool) -> None:
    """Switch PEFT's casts of adapters' inputs to their own type. Under autocast they only cost time; a forward pass
    without it, as a generation may be, fails where they are off."""
    layers: list[Any] = [module for module in model.modules() if isinstance(module, BaseTunerLayer)]
    for layer in layers:
        layer.cast_input_dtype_enabled = on


def _low_rank(model: Any, config: LowRank) -> Any:
    _check_names("modules_to_save", config.modules_to_save, _module_names(model))
    for name, module in model.named_modules():
        if name.rsplit(".", 1)[-1] in config.modules_to_save and is_quantized_linear(module):
            raise ConfigError(
                f"adapter.modules_to_save names {name}, whose weights are quantised and cannot be trained whole.",
                "Remove it, or remove model.quantization.",
            )
    start: bool | str = True
    if isinstance(config, PissaConfig):
        start = "pissa" if config.svd_iterations is None else f"pissa_niter_{config.svd_iterations}"
    tied = bool(model.config.get_text_config().tie_word_embeddings)
    peft: Any = PeftLoraConfig
    return peft(
        r=config.r,
        lora_alpha=config.alpha,
        lora_dropout=config.dropout,
        target_modules=_targets(model, config.target_modules),
        modules_to_save=list(config.modules_to_save) or None,
        ensure_weight_tying=tied and bool(config.modules_to_save),
        use_rslora=isinstance(config, RsLoraConfig),
        use_dora=isinstance(config, DoraConfig),
        init_lora_weights=start,
        task_type="CAUSAL_LM",
    )


def _targets(model: Any, wanted: str | tuple[str, ...]) -> str | list[str]:
    """Return module names for PEFT, checked against the model."""
    names = _module_names(model)
    if wanted == "all-linear":
        # PEFT looks for subclasses of nn.Linear here, and HQQ's layers are not.
        quantized = {name.rsplit(".", 1)[-1] for name, module in model.named_modules() if is_quantized_linear(module)}
        return sorted(quantized) or wanted
    if wanted in ("qv", "fn"):
        known = QUERIES_AND_VALUES if wanted == "qv" else FEED_FORWARD
        present = next((known_names for known_names in known if known_names <= names), None)
        if present is None:
            raise ConfigError(
                f"adapter.target_modules is {wanted!r}, but the model's layers have none of the names known for it.",
                f"Give module names; the model has: {_shown(names)}.",
            )
        return sorted(present)
    _check_names("target_modules", wanted, names | {name for name, _ in model.named_modules()})
    _refuse_tied(model, wanted)
    return list(wanted)


def _refuse_tied(model: Any, wanted: Sequence[str]) -> None:
    """Raise ConfigError for an adapter on one side of tied embeddings: merging it would change the other."""
    if not model.config.get_text_config().tie_word_embeddings:
        return
    ends = {
        id(embedding): embedding
        for embedding in (model.get_input_embeddings(), model.get_output_embeddings())
        if embedding is not None
    }
    for name, module in model.named_modules():
        if id(module) in ends and any(name == target or name.endswith(f".{target}") for target in wanted):
            raise tied_target(name.rsplit(".", 1)[-1])


def _module_names(model: Any) -> set[str]:
    return {name.rsplit(".", 1)[-1] for name, _ in model.named_modules() if name}


def _check_names(key: str, wanted: tuple[str, ...] | str, names: set[str]) -> None:
    for name in wanted:
        if name not in names:
            raise ConfigError(
                f"adapter.{key} names {name!r}, which the model does not have.",
                f"Its module names are: {_shown(names)}.",
            )


def _shown(names: set[str]) -> str:
    return ", ".join(sorted(name for name in names if not name.isdigit() and "." not in name)[:24])


@contextmanager
def merged_adapter(model: Any) -> Iterator[None]:
    """Merge the active adapter of a PEFT model for the body, for the speed of a plain model; do nothing for others.

    The two extra products per layer cost a third of the decoding of a small model. Afterwards the weights are restored
    bit for bit from a copy, since subtracting again would leave rounding errors. In bfloat16 the sum is rounded like
    the weights; the trainer measures how far the sampler's log-probabilities then differ from its own. Quantised
    weights are left as they are.
    """
    layers: list[Any] = [module for module in model.modules() if isinstance(module, BaseTunerLayer)]
    weights = [layer.get_base_layer().weight for layer in layers]
    plain_weights = all(type(weight) is nn.Parameter and weight.dtype.is_floating_point for weight in weights)
    if not isinstance(model, PeftModel) or not plain_weights:
        yield
        return
    before = [weight.detach().clone() for weight in weights]
    plain: Any = model
    plain.merge_adapter()
    try:
        yield
    finally:
        plain.unmerge_adapter()
        for weight, old in zip(weights, before, strict=True):
            weight.data.copy_(old)


def save_trained(
    model: Any, tokenizer: Any, folder: Path, origin: AdapterOrigin, *, dtype: torch.dtype | None = None
) -> None:
    """Write trained weights, tokenizer and origin into ``folder`` atomically; replace an earlier result.

    Args:
        model: what `attach_adapter` returned, trained.
        tokenizer: written beside it.
        folder: an adapter folder, or a model folder when every weight was trained.
        origin: base and settings of the training.
        dtype: dtype of a whole model on disk; None keeps float32.
    """
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    with disk_errors(folder):
        shutil.rmtree(temporary, ignore_errors=True)
        try:
            if isinstance(model, PeftModel):
                _save_adapter(model, temporary)
            else:
                (model if dtype is None else model.to(dtype)).save_pretrained(temporary)
            tokenizer.save_pretrained(temporary)
            write_origin(temporary, origin)
            shutil.rmtree(folder, ignore_errors=True)
            temporary.rename(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _save_adapter(model: Any, folder: Path) -> None:
    """Save the adapter without what differs between equal trainings: the path of the base, the random order of sets."""
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    config_file = folder / ADAPTER_CONFIG
    config = json.loads(config_file.read_bytes())
    if hasattr(model, PISSA_START):
        _save_pissa_as_lora(model, folder, config)
    config["base_model_name_or_path"] = None
    for key, value in config.items():
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            config[key] = sorted(value)
    write_json(config_file, config)


def _save_pissa_as_lora(model: Any, folder: Path, config: dict[str, Any]) -> None:
    """Store B A - B0 A0, the change against the unchanged base, as one LoRA of twice the rank and the same scale.

    The residual that PiSSA trains beside comes from a decomposition that is random or differs between machines: an
    adapter that had to repeat it when loaded would not be the one that was trained.
    """
    start: dict[str, tuple[torch.Tensor, torch.Tensor]] = getattr(model, PISSA_START)
    tensors = dict(get_peft_model_state_dict(model))
    for name, (first_a, first_b) in start.items():
        a, b = f"{name}.lora_A.weight", f"{name}.lora_B.weight"
        tensors[a] = torch.cat([tensors[a], first_a.to(tensors[a])], dim=0)
        tensors[b] = torch.cat([tensors[b], -first_b.to(tensors[b])], dim=1)
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    save_file(plain, folder / ADAPTER_WEIGHTS, metadata={"format": "pt"})
    config |= {"init_lora_weights": True, "r": 2 * config["r"], "lora_alpha": 2 * config["lora_alpha"]}


def _low_rank_factors(model: nn.Module) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Return copies of A and B on the CPU by module name."""
    return {
        name: (
            module.lora_A["default"].weight.detach().cpu().clone(),
            module.lora_B["default"].weight.detach().cpu().clone(),
        )
        for name, module in model.named_modules()
        if hasattr(module, "lora_A") and "default" in module.lora_A
    }

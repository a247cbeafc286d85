"""Import LLM-Training: the variables at the top of its ``01_Train.py``, parsed and never run.

Variables that were declared but never passed to the trainer are refused, and so are its stubs for quantising later. Not
covered: its data preparation.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from burnish.config.foreign.keys import Key
from burnish.config.yaml_source import Location, Source
from burnish.errors import ConfigError

NAME = "LLM-Training"
SIGNS = frozenset({"DATASET_CHOICE", "PEFT_CONFIG", "QUANT_METHOD", "MODEL_NAME", "TRUNC_TRAIN"})
"""Variables that identify a file of this system: it has at least one, other systems have none."""

FILES = {
    "openmath": "Datasets/train-OpenMathInstruct-2.parquet",
    "squad": "Datasets/train-squad_v2.parquet",
    "arc": "Datasets/train-ai2_arc.parquet",
    "boolq": "Datasets/train-boolq.parquet",
}
"""Path of each data set, relative to its folder."""

Count = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Adapter = Literal["LoRa", "VeRa", "DoRa", "NoPeft"]
Quantization = Literal["NoQuant", "QLORA", "GPTQ", "QuaRot", "AdaRound", "BRECQ", "AWQ", "HQQ", "SmoothQuant"]
PLANNED = ("GPTQ", "QuaRot", "AdaRound", "BRECQ", "AWQ", "HQQ", "SmoothQuant")

_UNPASSED = "it was declared but never passed to the trainer"
_PLANNED = "quantising afterwards was a stub that only changed the model's name; a finished model is quantised "
"separately"
ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]

KEYS: Mapping[str, Key] = {
    "train": Key(Literal[True], True, needless="a recipe with a training stage trains"),
    "DATASET_CHOICE": Key(
        Literal["openmath", "squad", "arc", "boolq"] | None, "openmath", ("name", "data.sources.*.path"),
        "answers must be text: its openmath file holds numbers, which its template left out",
    ),
    "TRUNC_TRAIN": Key(Annotated[int, Field(ge=0)] | None, None, ("data.sources.*.limit",)),
    "FINETUNING": Key(Literal["SFT"], "SFT", ("stages.sft.kind",)),
    "MODEL_NAME": Key(str, "Qwen/Qwen3-8B", ("model.base",), "download it, then name its folder"),
    "PEFT_CONFIG": Key(Adapter, "LoRa", ("stages.sft.adapter.kind",)),
    "lora_r": Key(Count, 256, ("stages.sft.adapter.[lora].r", "stages.sft.adapter.[dora].r")),
    "target_modules": Key(list[str], ATTENTION, ("stages.sft.adapter.target_modules",)),
    "lora_alpha": Key(Count, 16, ("stages.sft.adapter.[lora].alpha", "stages.sft.adapter.[dora].alpha")),
    "lora_dropout": Key(Share, 0.1, ("stages.sft.adapter.[lora].dropout", "stages.sft.adapter.[dora].dropout")),
    "vera_r": Key(Count, 512, ("stages.sft.adapter.[vera].r",)),
    "vera_dropout": Key(Share, 0.1, ("stages.sft.adapter.[vera].dropout",)),
    "vera_d_initial": Key(Annotated[float, Field(gt=0)], 0.1, ("stages.sft.adapter.d_initial",)),
    "QUANT_METHOD": Key(
        Quantization, "NoQuant", ("model.quantization",), empty_values=dict.fromkeys(PLANNED, _PLANNED)
    ),
    "PTQ_TARGET_WEIGHTS_BITS": Key(Any, 4, refused=_PLANNED),
    "PTQ_TARGET_GROUP_SIZE": Key(Any, 64, refused=_PLANNED),
    "PTQ_TARGET_ACTS_BITS": Key(Any, 8, refused=_PLANNED),
    "PTQ_TARGET_KV_BITS": Key(Any, 8, refused=_PLANNED),
    "MERGE_AFTER_TRAIN": Key(bool, True, ("stages.merge.kind",), "merge_after_train decides for QLORA"),
    "merge_after_train": Key(
        bool, True, ("stages.merge.onto",), "MERGE_AFTER_TRAIN decides without QLORA; never into 4-bit weights"
    ),
    "keep_lm_head_fp16": Key(Any, None, refused="it only printed a line"),
    "per_device_train_batch_size": Key(Count, 1, ("stages.sft.micro_batch",)),
    "per_device_eval_batch_size": Key(Any, 8, refused=_UNPASSED),
    "gradient_accumulation_steps": Key(
        Count, 8, ("stages.sft.effective_batch",), "over all processes; there it grew with the number of processes"
    ),
    "learning_rate": Key(Annotated[float, Field(gt=0)], 1e-5, ("stages.sft.learning_rate",)),
    "weight_decay": Key(Any, 0.0, refused=f"{_UNPASSED}; stages.sft.weight_decay"),
    "max_grad_norm": Key(Any, 1.0, refused=f"{_UNPASSED}; stages.sft.max_grad_norm"),
    "num_train_epochs": Key(Annotated[float, Field(gt=0)], 1.0, ("stages.sft.epochs",)),
    "max_steps": Key(Annotated[int, Field(ge=-1)], -1, ("stages.sft.max_steps",)),
    "warmup_ratio": Key(Any, 0.06, refused=f"{_UNPASSED}: it trained without warm-up; stages.sft.warmup_share"),
    "logging_steps": Key(Count, 10, ("stages.sft.log_every",)),
    "group_by_length": Key(Any, False, refused=f"{_UNPASSED}; rows of like length share a batch always"),
    "gradient_checkpointing": Key(bool, True, ("stages.sft.kernels.gradient_checkpointing",)),
    "packing": Key(bool, False, ("stages.sft.packing",)),
    "assistant_only_loss": Key(
        bool, False, needless="only answers are trained, as TRL did with its rows of prompt and completion"
    ),
    "max_length": Key(Count, 1024, ("stages.sft.max_length",)),
}  # fmt: skip


def read_variables(text: str, name: str) -> Source:
    """Read the constants assigned at the top level before the first function, with their lines.

    The last assignment of a variable counts.

    Raises ConfigError for text that is not Python.
    """
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise ConfigError(
            f"{name}:{error.lineno}: not Python: {error.msg}.", "Give 01_Train.py as it was run."
        ) from error
    source = Source({}, {(): name})
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            break
        match statement:
            case ast.Assign(targets=[ast.Name(id=variable)], value=value):
                pass
            case ast.AnnAssign(target=ast.Name(id=variable), value=ast.expr() as value):
                pass
            case _:
                continue
        try:
            constant = ast.literal_eval(value)
        except ValueError:
            if variable in KEYS:
                raise ConfigError(
                    f"{name}:{statement.lineno}: {variable} is computed, and the file is parsed without running it.",
                    "Replace the expression by its value.",
                ) from None
            continue
        source.value[variable] = constant
        location: Location = (variable,)
        source.places[location] = f"{name}:{statement.lineno}"
    return source


def recipe_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """Build the recipe for the file's settings; ``values`` as `read_settings` returns them.

    Raises ConfigError where the file trains nothing.
    """
    dataset, limit = values["DATASET_CHOICE"], values["TRUNC_TRAIN"]
    if dataset is None:
        raise ConfigError(
            "DATASET_CHOICE is None: that saved the base as it is, and trained nothing.",
            f"Measure the base: burnish evaluate --set answers.model.base={values['MODEL_NAME']} --set out=FOLDER",
        )
    four_bit = values["QUANT_METHOD"] == "QLORA"
    model: dict[str, Any] = {"base": values["MODEL_NAME"]}
    if four_bit:
        model["quantization"] = {"kind": "nf4", "double_quant": True, "compute_dtype": "bfloat16"}
    stages = [_stage(values)]
    merges = values["merge_after_train" if four_bit else "MERGE_AFTER_TRAIN"]
    if merges and values["PEFT_CONFIG"] != "NoPeft":
        stages.append({"kind": "merge", "name": "merge", "adapter": "sft", "onto": "stored"})
    return {
        "name": f"{values['MODEL_NAME'].rsplit('/', 1)[-1]}-{dataset}",
        "seed": 42,
        "model": model,
        "data": {
            "sources": [{"path": FILES[dataset]} | ({"limit": limit} if limit else {})],
            "chat": {"truncate": "right"},
        },
        "stages": stages,
    }


def _stage(values: Mapping[str, Any]) -> dict[str, Any]:
    steps = values["max_steps"]
    return {
        "kind": "sft",
        "name": "sft",
        "adapter": _adapter(values),
        "max_length": values["max_length"],
        "packing": values["packing"],
        "learning_rate": values["learning_rate"],
        "schedule": "linear",
        "warmup_share": 0.0,
        "micro_batch": values["per_device_train_batch_size"],
        "effective_batch": values["per_device_train_batch_size"] * values["gradient_accumulation_steps"],
        "epochs": values["num_train_epochs"],
        "log_every": values["logging_steps"],
        "save_every": 500,
        "kernels": {"gradient_checkpointing": values["gradient_checkpointing"]},
    } | ({"max_steps": steps} if steps > 0 else {})


def _adapter(values: Mapping[str, Any]) -> dict[str, Any]:
    kind = values["PEFT_CONFIG"]
    modules = values["target_modules"]
    if kind == "NoPeft":
        return {"kind": "full"}
    if kind == "VeRa":
        return {
            "kind": "vera",
            "r": values["vera_r"],
            "dropout": values["vera_dropout"],
            "d_initial": values["vera_d_initial"],
            "target_modules": modules,
        }
    return {
        "kind": "lora" if kind == "LoRa" else "dora",
        "r": values["lora_r"],
        "alpha": values["lora_alpha"],
        "dropout": values["lora_dropout"],
        "target_modules": modules,
    }

"""Build the generator of a configuration: a model in this process, or a server.

Left out on purpose: the use of the answers (`workflows.answer.completions`).
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from burnish.config.verbs.evaluate import EndpointAnswers, ModelAnswers, WrittenAnswers
from burnish.errors import ConfigError
from burnish.fsio import read_object
from burnish.generate.openai_http import EndpointGenerator
from burnish.model.folders import check_stored_quantization, model_digest
from burnish.model.machine import check_machine
from burnish.model.source import ModelSource
from burnish.protocols import Generator
from burnish.records.layout import ADAPTER_CONFIG, GENERATION_CONFIG
from burnish.workflows.answer.completions import open_generator
from burnish.workflows.answer.find_model import find_model
from burnish.workflows.run.requirements import require


def written_by(answers: WrittenAnswers, *, seed: int, source: ModelSource | None = None) -> Generator:
    """Build the generator and load its model, which is ``source`` if given; raise the errors of loading."""
    if isinstance(answers, EndpointAnswers):
        return EndpointGenerator(answers, seed=seed)
    return open_source(source or find_model(answers), answers, seed=seed)


def ready(answers: ModelAnswers) -> ModelSource:
    """Find the model that will answer, and raise early the errors of opening it; loads nothing.

    Raises ConfigError: as `find_model`, or for something that this machine, the engine or the model does not support.
    MissingToolError: a package is not installed.
    """
    require("train")
    check_machine(answers.model)  # before a GGUF file is dequantised for an adapter
    source = find_model(answers)
    check_source(source, answers)
    return source


def check_source(source: ModelSource, answers: ModelAnswers) -> None:
    """Raise an error for anything that this machine, the engine or the model does not support; loads nothing."""
    require("train")
    if answers.engine == "vllm":
        require("vllm")
        if source.kind == "gguf":
            raise ConfigError(f"vllm does not read {source.base} here, a GGUF file.", "Remove answers.engine.")
        if answers.adapter_off or source.config.quantization is not None:
            raise ConfigError(
                "vllm neither switches adapters off nor quantises here.", "Remove answers.engine to use these."
            )
    if answers.adapter_off and source.adapter is None:
        raise ConfigError(
            f"adapter_off is set, but {source.name} has no adapter.", "Set answers.adapter, or remove adapter_off."
        )
    check_machine(source.config)
    if source.kind != "gguf":
        check_stored_quantization(source.base, source.config.quantization)


def open_source(source: ModelSource, answers: ModelAnswers, *, seed: int) -> Generator:
    """Build the generator of a resolved model; raise what `check_source` raises."""
    check_source(source, answers)
    with tempfile.TemporaryDirectory() as scratch:
        adapter = source.adapter
        if adapter is not None and source.kind == "checkpoint":
            from burnish.model.adapters import copy_with_origin

            adapter = copy_with_origin(adapter, Path(scratch) / "adapter")
        if answers.engine == "vllm":
            return _vllm(source, adapter, answers, seed=seed)
        return open_generator(
            source.base,
            adapter,
            config=source.config,
            sampling=answers.sampling,
            seed=seed,
            adapter_off=answers.adapter_off,
        )


def _vllm(source: ModelSource, adapter: Path | None, answers: ModelAnswers, *, seed: int) -> Generator:
    """Build vLLM's generator, with the checks and stop tokens of the in-process engine."""
    from burnish.data.encode.chat import render_prompt
    from burnish.generate.stop_strings import StopStrings
    from burnish.generate.vllm_engine import VllmGenerator, open_engine
    from burnish.model.adapters import check_origin
    from burnish.model.chat_template import template_digest
    from burnish.model.source import load_tokenizer

    tokenizer = load_tokenizer(source.base)
    rank = 0
    if adapter is not None:
        check_origin(adapter, base_digest=model_digest(source.base), template_digest=template_digest(tokenizer))
        rank = int(read_object(adapter / ADAPTER_CONFIG).get("r", 0))
    ends = set(declared_stop_ids(source.base, tokenizer))
    if answers.sampling.stop:
        ends |= StopStrings(answers.sampling.stop, tokenizer).special_ids()
    engine, lora = open_engine(source.base, adapter, dtype=source.config.dtype, rank=rank, seed=seed)
    sampling = answers.sampling
    return VllmGenerator(
        engine,
        tokenizer,
        lora=lora,
        stop_ids=ends,
        sampling=sampling,
        seed=seed,
        model_digest=source.digest,
        render=lambda messages: render_prompt(messages, tokenizer, thinking=sampling.thinking),
    )


def declared_stop_ids(base: Path, tokenizer: Any) -> frozenset[int]:
    """Return `stop_ids` of a model folder, without its weights."""
    from transformers import AutoConfig, GenerationConfig

    from burnish.generate.transformers_engine import stop_ids

    generation: Any = GenerationConfig
    declared = generation.from_pretrained(base) if (base / GENERATION_CONFIG).is_file() else None
    model = SimpleNamespace(config=AutoConfig.from_pretrained(base, local_files_only=True), generation_config=declared)
    return stop_ids(model, tokenizer)

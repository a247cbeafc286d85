"""Tokens written and steps trained per CPU second at a million parameters, beside transformers' own loops.

    python -m benchmarks.model_speed [--threads N] [--json FILE]

Everything in one process on random weights, in CPU seconds (all threads together), so that a busy machine changes
little. Generation: 64 prompts of 50 to 70 tokens, answers of 25 to 90; the baseline is ``generate`` of transformers,
which decodes every row to the longest answer. Training: `run_sft` on rows of 90 to 150 tokens in batches of 32; the
baseline is a bare loop of forward, backward and AdamW over the same LoRA model. Not covered: accelerators.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tests.tiny_models import make_tiny_model
from transformers import LlamaConfig, LlamaForCausalLM

from benchmarks.goals import Goal, report
from burnish.config.model import ModelConfig
from burnish.config.stages.kinds.sft import SftStage
from burnish.generate import decoding, sampling
from burnish.generate.slot_decoder import left_padded
from burnish.model.base import load_model
from burnish.train.batches.rows import collate
from burnish.train.job import TrainingJob
from burnish.train.sft.run import run_sft
from burnish.train.weights.adapters import attach_adapter

CPU = ModelConfig(device="cpu")
STEPS = 24


@dataclass(frozen=True)
class Row:
    """A random row."""

    id: str
    input_ids: list[int]
    labels: list[int]
    weight: float = 1.0


def million_parameters(folder: Path) -> Path:
    """A Llama-shaped model of about a million parameters with the tokenizer of the tests."""
    make_tiny_model(folder)
    config = LlamaConfig(
        vocab_size=1024,
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=4,
        num_attention_heads=4,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=1,
    )
    make: Any = LlamaForCausalLM
    make(config).save_pretrained(folder)
    return folder


def cpu_seconds(work: Any) -> float:
    """CPU seconds of all threads of this process during ``work()``."""
    start = time.process_time()
    work()
    return time.process_time() - start


def measure_generation(folder: Path) -> tuple[float, float]:
    """Tokens per CPU second of the lean loop, and of ``generate``."""
    draw = random.Random(0)
    model: Any = load_model(folder, CPU).model
    model.generation_config.eos_token_id = None
    prompts = sorted(([draw.randrange(5, 1000) for _ in range(draw.randrange(50, 70))] for _ in range(64)), key=len)
    limits = [draw.randrange(25, 90) for _ in prompts]
    options = sampling.Decoding(temperature=0.0, top_p=1.0, stop_ids=frozenset(), pad_id=1)

    def lean() -> None:
        decoding.decode_batch(model, prompts, limits, options, torch.Generator())

    def whole() -> None:
        ids_BT, mask_BT = left_padded(prompts, 1, torch.device("cpu"))
        model.generate(
            input_ids=ids_BT, attention_mask=mask_BT, max_new_tokens=max(limits), do_sample=False, pad_token_id=1
        )

    lean()
    lean_s = sum(cpu_seconds(lean) for _ in range(3)) / 3
    whole_s = sum(cpu_seconds(whole) for _ in range(3)) / 3
    return sum(limits) / lean_s, sum(limits) / whole_s


def measure_training(folder: Path, out: Path) -> tuple[float, float]:
    """Steps per CPU second of `run_sft` between its first and last log, and of a bare loop."""
    draw = random.Random(0)
    rows = []
    for index in range(32 * STEPS):
        ids = [draw.randrange(5, 380) for _ in range(draw.randrange(90, 150))]
        rows.append(Row(str(index), ids, [-100] * 60 + ids[60:]))
    stage = SftStage(name="sft", max_steps=STEPS, log_every=4, save_every=1000)
    logged: list[tuple[int, float]] = []
    run_sft(
        TrainingJob(
            base=folder,
            model=CPU,
            stage=stage,
            out=out,
            seed=0,
            log=lambda step, _values: logged.append((step, time.process_time())),
        ),
        rows,
    )
    (first, started), (last, ended) = logged[0], logged[-1]
    return (last - first) / (ended - started), bare_loop(folder, stage, rows)


def bare_loop(folder: Path, stage: SftStage, rows: list[Row]) -> float:
    """Steps per CPU second without a trainer, rows in their own order."""
    model = attach_adapter(load_model(folder, CPU).model, stage.adapter).train()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained)

    def steps() -> None:
        for step in range(STEPS):
            chosen = [((index, rows[index]),) for index in range(32 * step, 32 * step + 32)]
            batch = collate(chosen, padding=1, mean_weight=1.0, packed=False)
            inputs = {key: batch[key] for key in ("input_ids", "attention_mask", "labels")}
            model(**inputs, use_cache=False).loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            optimizer.zero_grad()

    return STEPS / cpu_seconds(steps)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, default=None)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with tempfile.TemporaryDirectory() as temporary:
        folder = million_parameters(Path(temporary) / "model")
        lean, whole = measure_generation(folder)
        sft, bare = measure_training(folder, Path(temporary) / "sft")
    report(
        [
            Goal("generated tokens per CPU second", lean, "none", True),
            Goal("the same, as a multiple of transformers' generate", lean / whole, "> 1.1", lean / whole > 1.1),
            Goal("SFT steps per CPU second", sft, "none", True),
            Goal("the same, as a multiple of a bare loop", sft / bare, "> 0.85", sft / bare > 0.85),
        ],
        arguments.json,
    )


if __name__ == "__main__":
    main()

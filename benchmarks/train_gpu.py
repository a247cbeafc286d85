"""An 8B Llama-3.1 shape with random weights on one CUDA device: tokens per second, utilisation and peak memory.

    python -m benchmarks.train --gpu
    python -m benchmarks.train_gpu CASE MODEL OUT      one case, in this process; prints one JSON line

LoRA of rank 16 on all linear layers, packed sequences of 4,096 tokens of rows of about 1,000, bf16 and NF4, with and
without Liger's kernels and gradient checkpointing. Each case has a process of its own. Utilisation is of the bf16
matrix product measured beside (see `train.meter`). 16 GiB of weights are written to a temporary folder once. Cases
that do not fit into memory say so. Not covered: several devices.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from tests.tiny_models import make_tiny_model

from benchmarks.goals import Goal
from benchmarks.train_variants import Row

LENGTH = 4096
STEPS = 10
WARM_UP = 3
EFFECTIVE_BATCH = 8

CASES: Mapping[str, dict[str, Any]] = {
    f"{base}, micro {micro}{', Liger' if liger else ''}{', checkpointing' if checkpointing else ''}": {
        "base": base,
        "micro_batch": micro,
        "kernels": {"liger": liger, "gradient_checkpointing": checkpointing},
    }
    for base in ("bf16", "nf4")
    for liger in (False, True)
    for checkpointing, micro in ((False, 1), (False, 2), (True, 2), (True, 4))
}


def eight_billion(folder: Path) -> Path:
    """Random bf16 weights in the shape of Llama 3.1 8B, with the tokenizer of the tests."""
    from transformers import AutoModelForCausalLM, LlamaConfig

    make_tiny_model(folder)
    configure: Any = LlamaConfig
    config = configure(
        vocab_size=128_256,
        hidden_size=4096,
        intermediate_size=14_336,
        num_hidden_layers=32,
        num_attention_heads=32,
        num_key_value_heads=8,
        max_position_embeddings=131_072,
        rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 500_000.0},
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=1,
    )
    auto: Any = AutoModelForCausalLM
    with torch.device("cuda"):
        model = auto.from_config(config, dtype=torch.bfloat16)
    model.save_pretrained(folder)
    return folder


def packed_rows() -> tuple[list[Row], list[list[int]]]:
    """Four rows of 1,024 tokens to a sequence, half of each an answer; as many sequences as the steps need."""
    draw = random.Random(0)
    sequences = STEPS * EFFECTIVE_BATCH
    rows = []
    for index in range(4 * sequences):
        ids = [draw.randrange(5, 380) for _ in range(LENGTH // 4)]
        rows.append(Row(str(index), ids, [-100] * (LENGTH // 8) + ids[LENGTH // 8 :]))
    return rows, [list(range(4 * index, 4 * index + 4)) for index in range(sequences)]


def measure_case(case: Mapping[str, Any], model: Path, out: Path) -> dict[str, float]:
    """Train a few steps through `run_sft`; medians of the steps after the warm-up."""
    from burnish.config.model import ModelConfig
    from burnish.config.stages.kinds.sft import SftStage
    from burnish.errors import DeviceMemoryError
    from burnish.train.job import TrainingJob
    from burnish.train.sft.run import run_sft

    rows, packs = packed_rows()
    logged: list[Mapping[str, float]] = []
    stage = SftStage.model_validate(
        {
            "name": "sft",
            "adapter": {"kind": "lora", "r": 16},
            "max_length": LENGTH,
            "packing": True,
            "effective_batch": EFFECTIVE_BATCH,
            "micro_batch": case["micro_batch"],
            "kernels": case["kernels"],
            "max_steps": STEPS,
            "log_every": 1,
            "save_every": 10_000,
        }
    )
    quantization = {"kind": "nf4"} if case["base"] == "nf4" else None
    config = ModelConfig.model_validate({"device": "cuda", "dtype": "bfloat16", "quantization": quantization})
    try:
        run_sft(
            TrainingJob(
                base=model, model=config, stage=stage, out=out, seed=0, log=lambda _step, values: logged.append(values)
            ),
            rows,
            packs,
        )
    except DeviceMemoryError:
        return {"out_of_memory": 1.0}
    steady = [values for values in logged if "tokens_per_s" in values][WARM_UP:]
    return {
        "tokens_per_s": statistics.median(values["tokens_per_s"] for values in steady),
        "mfu": statistics.median(values["mfu"] for values in steady),
        "peak_gib": torch.cuda.max_memory_allocated() / 2**30,
    }


def measure_gpu() -> list[Goal]:
    """Every case in turn; prints the table and returns the goals. Without CUDA it says so and returns none."""
    if not torch.cuda.is_available():
        print("no CUDA device: the 8B shape was not measured")
        return []
    print(torch.cuda.get_device_name())
    print("| case | tokens/s | MFU | peak GiB |\n| --- | ---: | ---: | ---: |")
    best = 0.0
    with tempfile.TemporaryDirectory() as temporary:
        model = eight_billion(Path(temporary) / "model")
        torch.cuda.empty_cache()
        for name, case in CASES.items():
            with tempfile.TemporaryDirectory(dir=temporary) as out:
                command = [sys.executable, "-m", "benchmarks.train_gpu", name, str(model), out]
                ended = subprocess.run(command, check=False, capture_output=True, text=True)
            if ended.returncode:
                print(f"| {name} | failed: {(ended.stderr.strip().splitlines() or ['?'])[-1]} | | |", flush=True)
                continue
            found = json.loads(ended.stdout.splitlines()[-1])
            if "out_of_memory" in found:
                print(f"| {name} | out of memory | | |", flush=True)
                continue
            print(
                f"| {name} | {found['tokens_per_s']:.0f} | {found['mfu']:.1%} | {found['peak_gib']:.1f} |", flush=True
            )
            if case["base"] == "bf16":
                best = max(best, found["mfu"])
    return [Goal("mfu_lora_8b", best, ">= 0.5", best >= 0.5)] if best else []


if __name__ == "__main__":
    print(json.dumps(measure_case(CASES[sys.argv[1]], Path(sys.argv[2]), Path(sys.argv[3]))))

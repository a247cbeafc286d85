"""CPU time of a GRPO update's forward and backward pass: prompts read once for all their completions, and TRL's way.

    python -m benchmarks.grpo_update [--model nano|smollm2|FOLDER] [--groups N] [--completions N] [--json FILE]

Prompts are those of built-in tasks; the completions of a prompt are beginnings of its reference. Both ways compute the
same loss of the same adapter in the dtype that training takes, in turn, three times each; the least counts. Not
covered: sampling, verifying, the optimiser.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from trl.trainer.utils import add_fused_lm_head

from benchmarks.goals import below, report
from burnish.config.model import ModelConfig
from burnish.config.stages.adapters import LoraConfig
from burnish.data.encode.chat import render_prompt
from burnish.data.rust_tasks.build import build_rust_tasks
from burnish.model.base import load_model
from burnish.model.precision import resolve_dtype
from burnish.train.grpo.shared_prompts import log_probabilities, share_prompts
from burnish.train.weights.adapters import attach_adapter
from burnish.workflows.run.base_model import resolve_base

REPETITIONS = 3


def rows_of(groups: int, completions: int, tokenizer: Any) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Return token ids and mask (B, T) of padded prompts and completions, and the width K of the latter."""
    tasks = build_rust_tasks(train=groups, held_out=1, cases=4, seed=0)[0]
    prompts, written = [], []
    for task in tasks:
        answer = tokenizer.encode(task.reference, add_special_tokens=False)
        prompts += [tokenizer.encode(render_prompt(task.prompt, tokenizer), add_special_tokens=False)] * completions
        written += [answer[: max(1, len(answer) * (at + 1) // completions)] for at in range(completions)]
    longest, kept = max(map(len, prompts)), max(map(len, written))
    ids = torch.zeros(len(prompts), longest + kept, dtype=torch.long)
    seen = torch.zeros_like(ids)
    for row, (prompt, answer) in enumerate(zip(prompts, written, strict=True)):
        begin, end = longest - len(prompt), longest + len(answer)
        ids[row, begin:end] = torch.tensor(prompt + answer)
        seen[row, begin:end] = 1
    return ids, seen, kept


def measured(model: Any, ids: torch.Tensor, seen: torch.Tensor, kept: int) -> dict[str, float]:
    """Return CPU seconds of a forward and backward pass, by way; the losses must agree."""
    width = model.config.hidden_size

    def alone() -> torch.Tensor:
        labels = ids.masked_fill(seen == 0, -100)
        labels[:, :-kept] = -100
        logps: torch.Tensor = model(input_ids=ids, attention_mask=seen, labels=labels, fused_lm_head=True).log_probs
        return logps[:, -kept:]

    def shared() -> torch.Tensor:
        return log_probabilities(model, share_prompts(ids, seen, kept, width), kept, len(ids))[0]

    ways: dict[str, Callable[[], torch.Tensor]] = {"TRL": alone, "shared prompts": shared}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    losses: dict[str, float] = {}
    bfloat16 = resolve_dtype(ModelConfig(device="cpu"), torch.device("cpu"), width) == torch.bfloat16
    for _ in range(REPETITIONS):
        for name, way in ways.items():
            model.zero_grad()
            before = time.process_time()
            with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                logps = way()
            loss: Any = (logps * seen[:, -kept:]).sum() / seen[:, -kept:].sum()
            loss.backward()
            seconds[name].append(time.process_time() - before)
            losses[name] = float(loss.detach())
    if abs(losses["TRL"] - losses["shared prompts"]) > 0.02 * abs(losses["TRL"]):
        raise SystemExit(f"the losses differ: {losses}")
    return {name: min(values) for name, values in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="nano")
    parser.add_argument("--groups", type=int, default=2)
    parser.add_argument("--completions", type=int, default=8)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    loaded = load_model(resolve_base(options.model), ModelConfig(device="cpu"))
    model = loaded.model
    add_fused_lm_head(model, outputs=("log_probs", "entropy"))
    ids, seen, kept = rows_of(options.groups, options.completions, loaded.tokenizer)
    model = attach_adapter(model, LoraConfig(r=16, alpha=32)).train()
    seconds = measured(model, ids, seen, kept)
    for name, value in seconds.items():
        print(f"{name:<16} {value:8.2f} CPU s for {len(ids)} completions of {options.groups} prompts")
    report([below("update_vs_trl", seconds["shared prompts"] / seconds["TRL"], 0.6)], options.json)


if __name__ == "__main__":
    main()

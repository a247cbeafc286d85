"""Tokens per CPU second: our batching, a one-by-one loop, and fixed batches of transformers' ``generate``.

    python -m benchmarks.generate [--prompts N] [--batch N] [--threads N] [--json FILE]

The embedded model answers the built-in tasks greedily, on the CPU, in one process with the same threads for all three:

- ours: `generate.decoding.decode` as `TransformersGenerator` calls it, prompts sorted, finished rows replaced at once;
- fixed batches: ``generate`` on so many prompts at a time as they come, each batch to its longest answer;
- one by one: ``generate`` on every prompt alone, on some of the prompts only, since it is slow.

Prompts are of mixed lengths: every third one carries a part of a program. Answers end where the model ends them, after
256 tokens at the latest. Only what stands in an answer counts, not what a batch writes after its end; that ours and
fixed batches write the same is checked. CPU seconds of all threads, so that a busy machine changes little; best of the
rounds, ways in turn.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.goals import Goal, report
from burnish.config.model import ModelConfig
from burnish.data.encode.chat import render_prompt
from burnish.data.rust_tasks.build import build_rust_tasks
from burnish.generate.decoding import decode
from burnish.generate.sampling import Decoding, Request
from burnish.generate.slot_decoder import left_padded
from burnish.generate.transformers_engine import stop_ids
from burnish.model.base import load_model
from burnish.model.folders import NANO

ROUNDS = 3
MAX_NEW_TOKENS = 256


@dataclass(frozen=True)
class Work:
    """What is decoded."""

    model: Any
    requests: list[Request]
    options: Decoding


def make_work(count: int) -> Work:
    """Prompts of mixed lengths, in the order of the tasks."""
    draw = random.Random(0)
    loaded = load_model(NANO, ModelConfig(device="cpu"))
    model: Any = loaded.model
    tokenizer: Any = loaded.tokenizer
    tasks, _ = build_rust_tasks(train=count, held_out=1, cases=2, seed=0)
    requests = []
    for place, task in enumerate(tasks):
        text = render_prompt(task.prompt, tokenizer)
        if place % 3 == 0:
            text += (task.reference or "")[: draw.randrange(20, 400)]
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        requests.append(Request(ids, MAX_NEW_TOKENS))
    ends = stop_ids(model, tokenizer)
    return Work(model, requests, Decoding(temperature=0.0, top_p=1.0, stop_ids=ends, pad_id=tokenizer.pad_token_id))


def ours(work: Work, batch: int) -> list[list[int]]:
    """Sorted by length, in slots."""
    order = sorted(range(len(work.requests)), key=lambda place: -len(work.requests[place].prompt))
    written: list[list[int]] = [[] for _ in order]
    for place, decoded, _ in decode(work.model, [work.requests[p] for p in order], work.options, slots=batch):
        written[order[place]] = decoded.ids
    return written


def by_generate(work: Work, requests: Sequence[Request], batch: int) -> list[list[int]]:
    """Fixed batches as they come."""
    written = []
    for start in range(0, len(requests), batch):
        some = requests[start : start + batch]
        ids_BT, mask_BT = left_padded([one.prompt for one in some], work.options.pad_id, torch.device("cpu"))
        out_BT = work.model.generate(
            input_ids=ids_BT,
            attention_mask=mask_BT,
            max_new_tokens=max(one.limit for one in some),
            do_sample=False,
            use_cache=True,
            eos_token_id=sorted(work.options.stop_ids),
            pad_token_id=work.options.pad_id,
        )
        for ids, one in zip(out_BT[:, ids_BT.shape[1] :].tolist(), some, strict=True):
            end = next((place for place, token in enumerate(ids) if token in work.options.stop_ids), len(ids))
            written.append(ids[: min(end, one.limit)])
    return written


def main(arguments_given: Sequence[str] | None = None) -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--prompts", type=int, default=384)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--alone", type=int, default=32, help="prompts of the one-by-one loop")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, default=None)
    arguments = parser.parse_args(arguments_given)
    threads = torch.get_num_threads()
    torch.set_num_threads(arguments.threads)
    try:
        report(measure(arguments), arguments.json)
    finally:
        torch.set_num_threads(threads)


def measure(arguments: argparse.Namespace) -> list[Goal]:
    """Run the three ways in turn, print what each gave, and compare."""
    work, batch = make_work(arguments.prompts), arguments.batch
    alone = random.Random(1).sample(work.requests, min(arguments.alone, len(work.requests)))
    ways: dict[str, Callable[[], list[list[int]]]] = {
        "ours": lambda: ours(work, batch),
        "fixed": lambda: by_generate(work, work.requests, batch),
        "alone": lambda: by_generate(work, alone, 1),
    }
    best: dict[str, float] = {}
    texts: dict[str, list[list[int]]] = {}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            started = time.process_time()
            texts[name] = way()
            seconds = time.process_time() - started
            speed = sum(len(ids) for ids in texts[name]) / seconds
            best[name] = max(best.get(name, 0.0), speed)
    differing = sum(a != b for a, b in zip(texts["ours"], texts["fixed"], strict=True))
    print(f"{len(work.requests)} prompts, batches of {batch}, {arguments.threads} thread(s)")
    print(f"answers that differ from those in fixed batches: {differing} of {len(work.requests)} (rounding)")
    for name, speed in best.items():
        print(f"{name:<6} {speed:8.0f} tokens per CPU second")
    by_one, by_fixed = best["ours"] / best["alone"], best["ours"] / best["fixed"]
    return [
        Goal("speed_vs_one_by_one", by_one, ">= 5", by_one >= 5),
        Goal("speed_vs_fixed_batches", by_fixed, ">= 1.3", by_fixed >= 1.3),
    ]


if __name__ == "__main__":
    main()

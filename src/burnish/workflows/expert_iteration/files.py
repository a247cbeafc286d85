"""Write the files of a round of expert iteration, in the formats of rejection-sampling fine-tuning.

    instruction_data.jsonl   {text, weight, messages}: prompt, blank line, fenced code; burnish reads ``messages``
    code_only.jsonl          {text, weight}: the code
    metadata.json            num_samples, seed, generated_at, has_weights, quality_stats, and the outcome of the samples
    rows.jsonl               `Example` records: the training rows, including earlier rounds and references
    scores.jsonl             `Score` records of all completions, with their components

Left out on purpose: reading them again.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from burnish.fsio import write_json
from burnish.records import Example, Message, Task
from burnish.records.files import write_records, write_rows
from burnish.records.layout import CODE_ONLY, INSTRUCTIONS, ROUND_METADATA, SCORES
from burnish.score.selection.judged import Judged
from burnish.score.selection.select import Kept, SelectionReport


def example_of(kept: Kept, source: str) -> Example:
    """Build the training conversation: the prompt, answered by the model."""
    answer = kept.judged
    return Example(
        id=f"{answer.task.id}#{answer.round}.{answer.completion.sample_index}",
        messages=(*answer.task.prompt, Message(role="assistant", content=answer.completion.text)),
        weight=kept.weight,
        source=source,
        licence=answer.task.licence,
        origin=f"round {answer.round}",
    )


def reference_example(task: Task, weight: float) -> Example:
    """Build the training conversation: the prompt, answered by the reference."""
    answer = Message(role="assistant", content=task.reference or "")
    return Example(
        id=f"{task.id}#reference",
        messages=(*task.prompt, answer),
        weight=weight,
        source="reference",
        licence=task.licence,
        origin=task.origin,
    )


def write_selection(
    folder: Path,
    *,
    judged: Sequence[Judged],
    kept: Sequence[Kept],
    report: SelectionReport,
    weighted: bool,
    facts: Mapping[str, Any],
) -> None:
    """Write all but ``rows.jsonl``; ``weighted`` means that rows carry a weight."""
    write_records(folder / SCORES, [answer.score for answer in judged])
    write_rows(folder / INSTRUCTIONS, (_instruction(row, weighted) for row in kept))
    write_rows(folder / CODE_ONLY, (_text(row.judged.verdict.code, row, weighted) for row in kept))
    weights = [row.weight for row in kept] if weighted else []
    write_json(
        folder / ROUND_METADATA,
        {
            "num_samples": len(kept),
            "generated_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "has_weights": weighted,
            "quality_stats": {
                "avg_weight": statistics.fmean(weights) if weights else None,
                "min_weight": min(weights, default=None),
                "max_weight": max(weights, default=None),
                "weighted_samples": len(weights),
            },
            "selection": asdict(report),
            **facts,
        },
    )


def _instruction(kept: Kept, weighted: bool) -> dict[str, Any]:
    answer = kept.judged
    prompt = "\n\n".join(message.content for message in answer.task.prompt)
    row = _text(f"{prompt}\n\n```rust\n{answer.verdict.code.strip()}\n```", kept, weighted)
    messages = (*answer.task.prompt, Message(role="assistant", content=answer.completion.text))
    return row | {"messages": [message.model_dump() for message in messages]}


def _text(text: str, kept: Kept, weighted: bool) -> dict[str, Any]:
    return {"text": text, "weight": kept.weight} if weighted else {"text": text}

"""What preparing data costs: filters, near-duplicates, and rows to packed tokens, each beside what others do.

    python -m benchmarks.data [--json FILE] [--rows N] [--stream-rows N]

CPU time of this process; all ways take turns, a part of the rows at a time, so that a busy machine slows every way
alike. Filters: system A's of its second phase, ours against regular expressions over strings (`regex_filters`). Packed
tokens: chat template, tokenizer, label mask and packing against `datasets.map` with the same template and tokenizer in
batches and TRL's packing, without a mask. Memory: peak of a process that streams rows from a file through filters and
the near-duplicate index, for ten times the rows, over that for the rows.

Not covered: filters that compile, accelerators.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.data_rows import SourceRow, draw_conversations, draw_sources, draw_variations
from benchmarks.goals import Goal, report
from benchmarks.peak_memory import peak_kib
from benchmarks.regex_filters import RegexFilters
from burnish.config.data import filters
from burnish.config.data.mixture import MixtureConfig
from burnish.config.data.training_data import JsonlSource
from burnish.data.filters.base import RustCode
from burnish.data.filters.build import stateless_filter
from burnish.data.filters.rules.overlaps import NearDuplicateFilter
from burnish.data.overlap.near_duplicates import NearDuplicates, Sketcher
from burnish.records import Example

PART = 1000
BLOCK = 2048
"""Tokens of a packed row."""
PHASE_2: tuple[filters.FilterConfig, ...] = (
    filters.VendorPath(),
    filters.TestFile(),
    filters.ExampleFile(),
    filters.BenchFile(),
    filters.TooShort(characters=128),
    filters.TooLong(characters=100_000),
    filters.NotIdiomatic(ratio=2.0),
    filters.NoDocumentation(),
)


@dataclass
class Way:
    """One way to do the work on a part of the rows, and what it has cost so far."""

    name: str
    work: Callable[[Any], object]
    cpu_s: float = 0.0
    rows: int = 0

    def measure(self, rows: Sequence[Any]) -> None:
        """Do some rows and add up."""
        before = time.process_time()
        self.work(rows)
        self.cpu_s += time.process_time() - before
        self.rows += len(rows)

    @property
    def rows_per_s(self) -> float:
        """Rows per CPU second."""
        return self.rows / self.cpu_s


def in_turns(ways: Sequence[Way], rows: Sequence[Any]) -> list[Way]:
    """Every part through every way; the first part warms up and is done twice."""
    for way in ways:
        way.work(rows[:PART])
    for start in range(0, len(rows), PART):
        for way in ways:
            way.measure(rows[start : start + PART])
    return list(ways)


def filter_ways(count: int, folder: Path) -> list[Way]:
    """Ours, the regular expressions, and the search for near-duplicates alone."""
    rows = list(draw_sources(count))
    examples = {row.path: Example(id=row.path, text=row.content, path=row.path) for row in rows}
    ours = [stateless_filter(one) for one in PHASE_2]
    theirs = RegexFilters()
    index = NearDuplicates(folder / "index.sqlite", Sketcher())
    near = NearDuplicateFilter(index)

    def by_tree(part: Sequence[SourceRow]) -> None:
        for row in part:
            example = examples[row.path]
            code = RustCode(example)
            for one in ours:
                if not one.keeps(example, code):
                    break

    def by_regex(part: Sequence[SourceRow]) -> None:
        for row in part:
            theirs.keeps(row.content, row.path)

    def by_similarity(part: Sequence[SourceRow]) -> None:
        for row in part:
            near.keeps(examples[row.path], RustCode(examples[row.path]))

    ways = [Way("filters, ours", by_tree), Way("filters, regex", by_regex), Way("near-duplicates", by_similarity)]
    try:
        return in_turns(ways, rows)
    finally:
        index.close()


def token_ways(count: int, folder: Path) -> list[Way]:
    """Ours, and the two usual forms of `datasets.map`."""
    import datasets
    from tests.tiny_models import make_tiny_model
    from trl.data_utils import pack_dataset

    from burnish.data.encode.chat import encode_examples
    from burnish.data.encode.packing import pack_lengths
    from burnish.model.source import load_tokenizer

    datasets.disable_progress_bars()
    tokenizer: Any = load_tokenizer(make_tiny_model(folder / "model"))

    def ours(part: Sequence[Example]) -> None:
        encoded = encode_examples(part, tokenizer)
        pack_lengths([len(row.input_ids) for row in encoded], BLOCK)

    def dataset(part: Sequence[Example]) -> Any:
        return datasets.Dataset.from_list([{"messages": [m.model_dump() for m in row.messages]} for row in part])

    def batched(part: Sequence[Example]) -> None:
        def encode(batch: dict[str, Any]) -> dict[str, Any]:
            texts = tokenizer.apply_chat_template(batch["messages"], tokenize=False)
            return {"input_ids": tokenizer(texts, add_special_tokens=False)["input_ids"]}

        pack_dataset(dataset(part).map(encode, batched=True, remove_columns=["messages"]), BLOCK, "bfd")

    def row_by_row(part: Sequence[Example]) -> None:
        def encode(row: dict[str, Any]) -> dict[str, Any]:
            return {"input_ids": tokenizer.apply_chat_template(row["messages"], tokenize=True)["input_ids"]}

        pack_dataset(dataset(part).map(encode, remove_columns=["messages"]), BLOCK, "bfd")

    ways = [
        Way("tokens, ours", ours),
        Way("tokens, datasets.map in batches", batched),
        Way("tokens, datasets.map row by row", row_by_row),
    ]
    return in_turns(ways, list(draw_conversations(count)))


def memory_growth(count: int, folder: Path) -> tuple[float, float]:
    """Peak MiB of a process that streams so many rows, and of one that streams ten times as many."""
    peaks: list[float] = []
    for rows in (count, 10 * count):
        file = folder / f"{rows}.jsonl"
        with file.open("w") as lines:
            lines.writelines(
                json.dumps({"content": row.content, "path": row.path}) + "\n" for row in draw_variations(rows)
            )
        command = [sys.executable, "-m", "benchmarks.data", "--stream-only", str(file)]
        answer = subprocess.run(command, check=True, capture_output=True, text=True)
        answered = json.loads(answer.stdout)
        assert answered["rows"] == rows
        peaks.append(answered["peak_kib"] / 1024)
        file.unlink()
    return peaks[0], peaks[1]


def stream_only(file: Path) -> None:
    """Stream a file through filters and near-duplicates, and print rows and this process's peak memory."""
    from burnish.workflows.rows.prepare import Plan, open_rows

    plan = Plan((JsonlSource(path=file),), (*PHASE_2, filters.NearDuplicate()), MixtureConfig(), seed=0, bad_rows=0)
    dropped: list[int] = [0]

    def drop(_row: object) -> None:
        dropped[0] += 1

    with open_rows(plan, None, drop) as opened:
        kept = sum(1 for _ in opened.rows)
    print(json.dumps({"rows": kept + dropped[0], "kept": kept, "peak_kib": peak_kib()}))


def show(ways: Sequence[Way]) -> str:
    """One line per way."""
    width = max(len(way.name) for way in ways)
    lines = [f"{way.name:<{width}}  {1e6 * way.cpu_s / way.rows:10.1f}  {way.rows_per_s:10.0f}" for way in ways]
    return "\n".join([f"{'way':<{width}}  {'CPU us/row':>10}  {'rows/CPU s':>10}", *lines])


def goals_of(ways: Sequence[Way], peaks: tuple[float, float]) -> Iterator[Goal]:
    """What the figures should be."""
    speed = {way.name: way.rows_per_s for way in ways}
    filtering = speed["filters, ours"] / speed["filters, regex"]
    preparing = speed["tokens, ours"] / speed["tokens, datasets.map in batches"]
    plain = speed["tokens, ours"] / speed["tokens, datasets.map row by row"]
    growth = peaks[1] / peaks[0]
    yield Goal("filter_speed_vs_regex", filtering, ">= 1", filtering >= 1)
    yield Goal("prepare_speed_vs_datasets_map", preparing, ">= 1", preparing >= 1)
    yield Goal("prepare_speed_vs_datasets_map_by_row", plain, ">= 1", plain >= 1)
    yield Goal("near_duplicate_rows_per_s", speed["near-duplicates"], "shown", True)
    yield Goal("stream_memory_mib", peaks[0], "shown", True)
    yield Goal("stream_memory_mib_10x", peaks[1], "shown", True)
    yield Goal("stream_memory_200k_vs_20k", growth, "<= 1.1", growth <= 1.1)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the goals to this file, too")
    parser.add_argument("--rows", type=int, default=20_000, help="rows for every way")
    parser.add_argument("--stream-rows", type=int, default=20_000, help="rows streamed to see whether memory grows")
    parser.add_argument("--stream-only", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.stream_only is not None:
        stream_only(options.stream_only)
        return
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        ways = [*filter_ways(options.rows, folder), *token_ways(options.rows, folder)]
        peaks = memory_growth(options.stream_rows, folder)
    print(show(ways) + "\n")
    report(list(goals_of(ways, peaks)), options.json)


if __name__ == "__main__":
    main()

"""What a training stage wrote is found by its files, and shown from its first step to its last."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from burnish.records import Score
from burnish.records.files import write_records
from burnish.workflows.evaluate.report_rollouts import spread, stage_rollouts
from tests.report.example_report import answers, rollouts


def test_rollouts_are_sampled_by_whole_steps(tmp_path: Path) -> None:
    write_records(tmp_path / "rollouts.jsonl", rollouts(steps=300).rollouts)
    found = stage_rollouts(tmp_path, "grpo")
    assert found is not None
    assert (found.unit, found.written) == ("step", 1200)
    steps = [rollout.step for rollout in found.rollouts]
    assert (steps[0], steps[-1], len(steps)) == (0, 299, 400)
    assert set(Counter(steps).values()) == {4}
    assert found.rollouts[0].score is not None


def test_few_rollouts_are_all_shown() -> None:
    assert spread(Counter({0: 4, 1: 4, 2: 4}), 400) == {0, 1, 2}
    assert spread(Counter({5: 900}), 400) == {5}
    assert spread(Counter(dict.fromkeys(range(100), 50)), 400) == {0, 14, 28, 42, 56, 70, 84, 99}


def test_rounds_are_read_with_their_scores(tmp_path: Path) -> None:
    one = answers("expert", ["ok", "compile_error"])
    for number in (1, 2, 10):
        folder = tmp_path / f"round_{number}"
        write_records(folder / "completions.jsonl", one.completions)
        write_records(folder / "verdicts.jsonl", one.verdicts[::-1])
        write_records(folder / "scores.jsonl", [Score(task_id="rust-0000", value=1.0)])
    found = stage_rollouts(tmp_path, "expert")
    assert found is not None
    assert (found.unit, found.written) == ("round", 6)
    assert [row.step for row in found.rollouts] == [1, 1, 2, 2, 10, 10]
    first, second, *_ = found.rollouts
    assert first.verdict == one.verdicts[0]
    assert (first.score and first.score.value, second.score) == (1.0, None)


def test_stages_without_rollouts_give_none(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    assert stage_rollouts(tmp_path, "sft") is None

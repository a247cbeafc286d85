"""Evaluating, judging again and comparing task sets of every kind, on answers that exist."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from pydantic import ValidationError

from burnish.config.generate import SamplingConfig
from burnish.config.model import ModelConfig
from burnish.config.tasks import TaskFile
from burnish.config.verbs.evaluate import EvaluateConfig, FieldAnswers, FileAnswers, ModelAnswers
from burnish.errors import ConfigError, DataError
from burnish.fsio import read_lines, write_atomic
from burnish.records import Completion, Message, Task
from burnish.records.evaluation import Disagreement, EvaluatedRow
from burnish.records.files import read_records, read_rows, write_records
from burnish.records.summary import Summary
from burnish.workflows.evaluate.compare import compare
from burnish.workflows.evaluate.evaluate import evaluate
from burnish.workflows.evaluate.rescore import read_evaluated, read_summary, rescore
from tests.score.example_rows import choice_task, classification_task, number_task, span_task, text_task
from tests.tiny_models import make_tiny_model
from tests.workflows.evaluate.test_rescore import RUST

TASKS = [
    *(classification_task(f"c{n}", "Yes" if n % 2 else "No") for n in range(4)),
    choice_task("m", "B"),
    span_task("s"),
    number_task("n", "12"),
    text_task("t", "x^2"),
]
RIGHT = {"m": "B", "s": r"\boxed{unanswerable}", "n": "A: 12", "t": r"\boxed{x^2}"} | {
    f"c{n}": "Yes" if n % 2 else "No" for n in range(4)
}


def config(folder: Path, name: str, said: Mapping[str, str], tasks: Sequence[Task] = TASKS) -> EvaluateConfig:
    write_records(folder / "tasks.jsonl", tasks)
    answers = [Completion(task_id=task, text=text, seconds=0.5, completion_tokens=3) for task, text in said.items()]
    write_records(folder / f"{name}.jsonl", answers)
    return EvaluateConfig(
        out=folder / name,
        tasks=TaskFile(path=folder / "tasks.jsonl"),
        answers=FileAnswers(path=folder / f"{name}.jsonl"),
    )


def headlines(summary: Summary) -> dict[str, float]:
    (model,) = summary.models
    return {kind.kind: next(iter(kind.metrics.values())).value for kind in model.kinds}


def test_every_kind_is_judged_and_every_row_is_on_disk(tmp_path: Path) -> None:
    summary = evaluate(config(tmp_path, "right", RIGHT))
    assert headlines(summary) == {
        "classification": 1.0,
        "multiple_choice": 1.0,
        "extractive_qa": 1.0,
        "numeric": 1.0,
        "text": 1.0,
    }
    assert summary.models[0].name == "right"
    assert Summary.from_json((tmp_path / "right" / "summary.json").read_text()) == summary
    rows = list(read_records(EvaluatedRow, tmp_path / "right" / "evaluated" / "rows.jsonl"))
    assert {row.task_id: row.text for row in rows} == RIGHT
    assert all(row.prompt and row.seconds == 0.5 and row.completion_tokens == 3 for row in rows)
    assert not (tmp_path / "right" / "evaluated" / "verdicts.jsonl").exists()


def test_tasks_that_nobody_answered_count_as_wrong(tmp_path: Path) -> None:
    some = {task: text for task, text in RIGHT.items() if task not in ("c1", "n")}
    found = headlines(evaluate(config(tmp_path, "some", some)))
    assert (found["classification"], found["numeric"]) == (0.75, 0.0)


def test_answers_in_the_task_file_are_read_as_a_model_would_write_them(tmp_path: Path) -> None:
    tasks = [task.model_copy(update={"reference": RIGHT[task.id]}) for task in TASKS]
    asked = config(tmp_path, "reference", {}, tasks).model_copy(update={"answers": FieldAnswers()})
    assert set(headlines(evaluate(asked)).values()) == {1.0}


def test_a_task_that_cannot_be_judged_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    asked = config(tmp_path, "broken", {}, [number_task("n", "many")])
    with pytest.raises(DataError, match="'n' cannot be judged"):
        evaluate(asked)
    assert not asked.out.exists()


def test_the_numeric_tolerance_can_be_set(tmp_path: Path) -> None:
    asked = config(tmp_path, "near", {"n": "A: 12.4"}, [number_task("n", "12")])
    assert headlines(evaluate(asked))["numeric"] == 0.0
    near = asked.model_copy(update={"tolerance": 0.5, "out": tmp_path / "wide"})
    assert headlines(evaluate(near))["numeric"] == 1.0
    assert headlines(rescore(tmp_path / "wide").summary)["numeric"] == 1.0


def test_judging_again_needs_no_model_and_says_what_changed(tmp_path: Path) -> None:
    asked = config(tmp_path, "a", RIGHT)
    first = evaluate(asked)
    again = rescore(asked.out)
    assert (again.changed, again.rows) == (0, len(TASKS))
    assert headlines(again.summary) == headlines(first)
    rows = asked.out / "evaluated" / "rows.jsonl"
    fixed = [
        row.model_copy(update={"correct": False}) if row.task_id == "n" else row for row in read_evaluated(asked.out)
    ]
    write_records(rows, fixed)
    before = rows.read_bytes()
    changed = rescore(asked.out / "evaluated")
    assert changed.changed == 1
    (line,) = read_lines(changed.folder / "changes.jsonl")
    change = json.loads(line)
    assert (change["task_id"], change["before"]["correct"], change["now"]["correct"]) == ("n", False, True)
    assert rows.read_bytes() == before


def test_folders_that_hold_nothing_to_judge_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no completions"):
        rescore(tmp_path)
    with pytest.raises(DataError, match="has neither"):
        read_evaluated(tmp_path)
    evaluate(config(tmp_path, "a", RIGHT))
    (tmp_path / "a" / "evaluated" / "tasks.jsonl").unlink()
    with pytest.raises(DataError, match="has no tasks for its answers"):
        rescore(tmp_path / "a")


def test_two_evaluations_are_compared_row_by_row(tmp_path: Path) -> None:
    wrong = RIGHT | {"c0": "<think>", "n": "<script>alert(1)</script> 13"}
    for name, said in (("right", RIGHT), ("wrong", wrong)):
        evaluate(config(tmp_path, name, said))
    report = compare(tmp_path / "wrong", tmp_path / "right", tmp_path / "out")
    assert {kind.kind: (kind.wins, kind.losses) for kind in report.kinds} == {
        "classification": (1, 0),
        "multiple_choice": (0, 0),
        "extractive_qa": (0, 0),
        "numeric": (1, 0),
        "text": (0, 0),
    }
    lines = read_lines(tmp_path / "out" / "disagreements.jsonl")
    found = {one.task_id: one for one in map(Disagreement.from_json, lines)}
    assert {name: one.outcome for name, one in found.items()} == {"c0": "improvement", "n": "improvement"}
    assert (found["c0"].a_extracted, found["c0"].a_problem, found["c0"].b_extracted) == (None, "only_thinking", "No")
    page = (tmp_path / "out" / "comparison.html").read_text()
    assert "right against wrong" in page
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    assert json.loads((tmp_path / "out" / "comparison.json").read_text())["a"] == "wrong"


def test_several_samples_of_a_task_give_pass_at_k(tmp_path: Path) -> None:
    tasks = [number_task("n", "12"), number_task("k", "3")]
    asked = config(tmp_path, "many", {}, tasks)
    texts = [("n", 0, "12"), ("n", 1, "11"), ("k", 0, "4"), ("k", 1, "5")]
    answers = [Completion(task_id=task, sample_index=sample, text=text) for task, sample, text in texts]
    write_atomic(tmp_path / "many.jsonl", "".join(answer.to_json() + "\n" for answer in answers))
    (summary,) = evaluate(asked).models[0].kinds
    assert summary.metrics["pass@1"].value == pytest.approx(0.25)
    assert summary.metrics["pass@2"].value == pytest.approx(0.5)


def test_a_model_is_timed_and_asked_what_it_finds_likely(tmp_path: Path) -> None:
    base = make_tiny_model(tmp_path / "base")
    write_records(tmp_path / "tasks.jsonl", [choice_task(f"m{n}", "ABC"[n % 3]) for n in range(6)])
    answers = ModelAnswers(
        model=ModelConfig(base=str(base), device="cpu"),
        sampling=SamplingConfig(max_new_tokens=5, batch_size=4, samples=2, temperature=1.0),
    )
    asked = EvaluateConfig(out=tmp_path / "out", tasks=TaskFile(path=tmp_path / "tasks.jsonl"), answers=answers)
    (summary,) = evaluate(asked).models
    likely = summary.kinds[0].metrics["accuracy_likeliest"]
    assert likely.n == 12
    assert likely.value == pytest.approx(1 / 3)  # the same choices, so the same is likeliest
    assert summary.generation is not None
    assert summary.generation.completions == 12
    assert summary.generation.tokens_per_s > 0
    assert 0 < summary.generation.seconds_p50 <= summary.generation.seconds_p95
    assert summary.generation.peak_bytes
    folder = asked.out / "evaluated"
    prompts = list(read_rows(folder / "prompts.jsonl"))
    assert all(prompt["prompt"].endswith("<|im_start|>assistant\n") for prompt in prompts)
    rows = read_evaluated(asked.out)
    assert all({"likeliest", "likeliest_per_byte"} <= row.scores.keys() for row in rows)
    assert rescore(asked.out).changed == 0
    before = (folder / "done.json").stat().st_mtime_ns
    assert evaluate(asked).models == (summary,)
    assert (folder / "done.json").stat().st_mtime_ns == before
    without = tmp_path / "given"
    given = FileAnswers(path=folder / "completions.jsonl")
    evaluate(asked.model_copy(update={"out": without, "answers": given}))
    assert "accuracy" in compare(without, asked.out, tmp_path / "compared").kinds[0].metrics


def test_only_a_model_can_repair_and_only_rust(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="repair_turns needs a model"):
        EvaluateConfig(out=tmp_path, answers=FieldAnswers(), repair_turns=1)
    write_records(tmp_path / "tasks.jsonl", TASKS)
    asked = EvaluateConfig(out=tmp_path / "out", tasks=TaskFile(path=tmp_path / "tasks.jsonl"), repair_turns=1)
    with pytest.raises(ConfigError, match="no task is Rust"):
        evaluate(asked)


def test_a_model_repairs_its_failed_answers_in_further_turns(tmp_path: Path) -> None:
    base = make_tiny_model(tmp_path / "base")
    task = RUST.model_copy(update={"prompt": (Message(role="user", content="Add two numbers."),)})
    write_records(tmp_path / "tasks.jsonl", [task])
    answers = ModelAnswers(
        model=ModelConfig(base=str(base), device="cpu"),
        sampling=SamplingConfig(max_new_tokens=5, samples=2, temperature=1.0),
    )
    asked = EvaluateConfig(
        out=tmp_path / "out", tasks=TaskFile(path=tmp_path / "tasks.jsonl"), answers=answers, repair_turns=1
    )
    (summary,) = evaluate(asked).models
    assert [(turn.turn, turn.asked, turn.passed.value, turn.passed.n) for turn in summary.repair] == [
        (0, 2, 0.0, 2),
        (1, 2, 0.0, 2),
    ]
    turn = asked.out / "evaluated" / "turn_1"
    assert [row.sample_index for row in read_evaluated(turn)] == [0, 0]
    assert [row.task_id for row in read_evaluated(turn)] == ["add/sample 0/turn 1", "add/sample 1/turn 1"]


def test_a_summary_of_an_earlier_version_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    path.write_text('{"schema_version": 1, "stages": [], "comparisons": [], "timings": [], "excluded_tasks": 0}')
    with pytest.raises(DataError, match="is not a summary of this version") as refused:
        read_summary(path)
    assert f"burnish evaluate --rescore FOLDER, where FOLDER is {tmp_path}" in refused.value.way_out

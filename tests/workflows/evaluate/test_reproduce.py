"""An evaluation is done again from the ledger: the same rows when nothing changed, and by name what did."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from burnish.config.generate import SamplingConfig
from burnish.config.model import ModelConfig
from burnish.config.tasks import TaskFile
from burnish.config.verbs.evaluate import EvaluateConfig, FileAnswers, ModelAnswers
from burnish.errors import DataError
from burnish.fsio import read_lines
from burnish.ledger.lineage import Lineage
from burnish.ledger.lookup import find_run, folder_of, open_ledger
from burnish.records import Completion, Task
from burnish.records.files import write_records
from burnish.workflows.evaluate.evaluate import evaluate
from burnish.workflows.evaluate.reproduce import Reproduction, evaluations, reproduce
from burnish.workflows.evaluate.rescore import read_evaluated
from burnish.workflows.manage.remove import plan_removal, remove_run
from tests.cli.test_verbs import burnish
from tests.score.example_rows import number_task
from tests.tiny_models import make_tiny_model

TASKS = [number_task(f"n{number}", str(number)) for number in range(12)]


def given(folder: Path, name: str, texts: list[str], tasks: list[Task] | None = None) -> EvaluateConfig:
    write_records(folder / "tasks.jsonl", tasks or TASKS)
    answers = [Completion(task_id=task.id, text=text) for task, text in zip(tasks or TASKS, texts, strict=True)]
    write_records(folder / f"{name}.jsonl", answers)
    return EvaluateConfig(
        out=folder / name,
        tasks=TaskFile(path=folder / "tasks.jsonl"),
        answers=FileAnswers(path=folder / f"{name}.jsonl"),
    )


def reproduce_again(runs_dir: Path, name: str, out: str = "again") -> Reproduction:
    with open_ledger(runs_dir) as ledger:
        run = find_run(ledger, name)
        (stage,) = ledger.stages(run.run_id)
        assert evaluations(run, [stage]) == ["evaluated"]
    return reproduce(run, folder_of(run, runs_dir), stage, runs_dir / out)


@contextmanager
def rewritten(path: Path, text: str) -> Iterator[None]:
    before = path.read_bytes()
    path.write_text(text)
    yield
    path.write_bytes(before)


def test_given_answers_are_judged_again_although_their_files_are_gone(tmp_path: Path) -> None:
    asked = given(tmp_path, "a", [f"A: {number}" for number in range(12)])
    evaluate(asked)
    (tmp_path / "a.jsonl").unlink()
    (tmp_path / "tasks.jsonl").unlink()
    done = reproduce_again(tmp_path, "a")
    assert (done.identical, done.rows, done.significant, done.notes) == (True, 12, False, ())
    written = json.loads((tmp_path / "again" / "reproduction.json").read_text())
    assert (written["other_texts"], written["comparison"]["kinds"][0]["both"]) == (0, 12)
    with open_ledger(tmp_path) as ledger:
        assert {run.name: run.kind for run in ledger.runs()} == {"a": "evaluation", "again": "evaluation"}


def test_missing_or_changed_files_are_refused_by_name(tmp_path: Path) -> None:
    evaluate(given(tmp_path, "a", ["1"] * 12))
    inner = tmp_path / "a" / "evaluated"
    with rewritten(inner / "completions.jsonl", ""), pytest.raises(DataError, match=r"the file completions.*changed"):
        reproduce_again(tmp_path, "a")
    (inner / "tasks.jsonl").rename(inner / "elsewhere")
    with pytest.raises(DataError, match=r"the file tasks\.jsonl is gone"):
        reproduce_again(tmp_path, "a")
    (tmp_path / "a").rename(tmp_path / "b")
    with pytest.raises(DataError, match="the folder of a is gone"):
        reproduce_again(tmp_path, "a")
    assert not (tmp_path / "again").exists()


def test_a_difference_beyond_chance_ends_with_exit_code_1(tmp_path: Path) -> None:
    asked = given(tmp_path, "a", [f"A: {number}" for number in range(12)])
    evaluate(asked)
    rows = tmp_path / "a" / "evaluated" / "rows.jsonl"
    assert "identical, all 12 rows" in burnish("runs", "reproduce", "a", "--runs-dir", ".", cwd=tmp_path).stdout
    for wrong, code in ((2, 0), (9, 1)):
        fixed = [row.model_copy(update={"correct": n >= wrong}) for n, row in enumerate(read_evaluated(tmp_path / "a"))]
        before = rows.read_bytes()
        write_records(rows, fixed)
        done = burnish("runs", "reproduce", "a", "--runs-dir", ".", cwd=tmp_path)
        assert done.returncode == code, done.stderr
        assert f"of 12 rows 0 have another text, {wrong} another outcome" in done.stdout
        rows.write_bytes(before)


def test_a_model_reproduces_its_answers_and_another_does_not(tmp_path: Path) -> None:
    base = make_tiny_model(tmp_path / "base")
    write_records(tmp_path / "tasks.jsonl", TASKS[:3])
    sampling = SamplingConfig(max_new_tokens=8, temperature=0.7)
    answers = ModelAnswers(model=ModelConfig(base=str(base), device="cpu"), sampling=sampling)
    runs = tmp_path / "runs"
    evaluate(EvaluateConfig(out=runs / "a", tasks=TaskFile(path=tmp_path / "tasks.jsonl"), answers=answers, seed=3))
    done = reproduce_again(runs, "a")
    assert done.identical
    texts = [json.loads(line)["text"] for line in read_lines(runs / "again" / "evaluated" / "completions.jsonl")]
    assert len(set(texts)) > 1
    make_tiny_model(tmp_path / "base", seed=1)
    with pytest.raises(DataError, match="the base model changed"):
        reproduce_again(runs, "a", "third")
    with open_ledger(runs) as ledger:
        lineage = Lineage(ledger)
        run = find_run(ledger, "a")
        assert lineage.dependents(run.run_id) == []
        remove_run(ledger, plan_removal(ledger, run, runs))
        assert [run.name for run in ledger.runs()] == ["again"]
    assert not (runs / "a").exists()

"""The same recipe on other models and data, and the verbs that stand alone."""

from __future__ import annotations

import json
from pathlib import Path

from burnish.fsio import read_lines
from burnish.records import Completion, Verdict
from burnish.records.files import read_records, read_rows
from tests.e2e.run_program import burnish, settings, small_tune, summary_of
from tests.tiny_models import make_tiny_model


def test_a_qwen_model_trains_on_a_users_rows(shared: Path, tmp_path: Path) -> None:
    every = list(read_rows(shared / "data" / "rustlings" / "exercises.jsonl"))
    rows = [row for row in every if len(row["exercise"]) + len(row["solution"]) < 1500]
    assert len(rows) > 10
    pairs = [{"prompt": f"Mend this program.\n{row['exercise']}", "completion": row["solution"]} for row in rows]
    turns = [
        {"messages": [{"role": "user", "content": row["hint"]}, {"role": "assistant", "content": row["solution"]}]}
        for row in rows
        if row["hint"]
    ]
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    (tmp_path / "turns.jsonl").write_text("".join(json.dumps(turn) + "\n" for turn in turns))
    model = make_tiny_model(tmp_path / "qwen", "qwen3")
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 4096}))
    more = ("data.sources=[pairs.jsonl, {path: turns.jsonl, limit: 5}]", "stages.sft.max_length=2048")
    done = burnish(small_tune(model, *more, "stages.sft.max_steps=2", "data.tasks.held_out=4"), tmp_path)
    assert done.returncode == 0, done.stderr
    summary = summary_of(tmp_path / "runs" / "tune")
    assert [(model["name"], model["kinds"][0]["n"]) for model in summary["models"]] == [("base", 4), ("sft", 4)]
    assert f"{len(pairs) + 5} rows" in done.stderr


def test_published_problems_are_judged_as_published(shared: Path, tmp_path: Path) -> None:
    folder = shared / "data" / "humanevalpack_rust"
    known = {row["task_id"]: row for row in map(json.loads, read_lines(folder / "verdicts_rustc195.jsonl"))}
    for field, wanted in (("canonical_solution", "pass"), ("buggy_solution", "fail")):
        tasks = f"tasks={{kind: humanevalpack, path: {folder / 'problems.jsonl'}}}"
        answers = f"answers={{kind: field, name: {field}}}"
        done = burnish(["evaluate", *settings(f"out={field}", tasks, answers)], tmp_path)
        assert done.returncode == 0, done.stderr
        verdicts = list(read_records(Verdict, tmp_path / field / "evaluated" / "verdicts.jsonl"))
        assert len(verdicts) == len(known) == 82
        for verdict in verdicts:
            if not known[verdict.task_id]["needs_crate"]:
                assert verdict.status == wanted, (verdict.task_id, verdict.reason, verdict.detail)


def test_tasks_are_built_answered_and_evaluated_without_a_recipe(tiny_model: Path, tmp_path: Path) -> None:
    sizes = settings("out=t", "tasks.train=5", "tasks.held_out=5")
    built = burnish(["data", "build", "rust-tasks", *sizes], tmp_path)
    assert built.returncode == 0, built.stderr
    tasks = "tasks={kind: file, path: t/held_out.jsonl}"
    writing = settings("out=a.jsonl", tasks, f"answers.model.base={tiny_model}", "answers.sampling.max_new_tokens=8")
    written = burnish(["generate", *writing], tmp_path)
    assert written.returncode == 0, written.stderr
    assert len(list(read_records(Completion, tmp_path / "a.jsonl"))) == 5
    other = burnish(["generate", *writing, *settings("seed=1")], tmp_path)
    assert other.returncode == 2
    assert "holds answers of another model, other options or other tasks" in other.stderr
    for answers, passed in (("{kind: completions, path: a.jsonl}", 0.0), ("{kind: field}", 1.0)):
        out = tmp_path / answers.split()[1].strip(",}")
        done = burnish(["evaluate", *settings(f"out={out}", tasks, f"answers={answers}")], tmp_path)
        assert done.returncode == 0, done.stderr
        (kind,) = json.loads((out / "summary.json").read_text())["models"][0]["kinds"]
        assert (kind["n"], kind["metrics"]["tests_passed"]["value"]) == (5, passed)


def test_a_prompt_is_answered_on_the_terminal(tiny_model: Path, tmp_path: Path) -> None:
    model = settings(f"answers.model.base={tiny_model}", "answers.sampling.max_new_tokens=4")
    done = burnish(["generate", *settings("out=p.jsonl", "prompts=[Write a function.]"), *model], tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("1 completion in p.jsonl\n")


def test_a_file_of_completions_with_a_stranger_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(Completion(task_id="stranger", text="x").to_json() + "\n")
    answers = "answers={kind: completions, path: a.jsonl}"
    done = burnish(["evaluate", *settings("out=o", "tasks.train=1", "tasks.held_out=2", answers)], tmp_path)
    assert done.returncode == 2
    assert "a.jsonl:1: the task set has no task 'stranger'" in done.stderr

"""``burnish compare`` and ``burnish evaluate --rescore`` as a user runs them."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from burnish.cli.app import app
from burnish.fsio import write_json
from burnish.records import Completion
from burnish.records.evaluation import ComparisonReport
from burnish.records.files import write_records
from burnish.records.layout import EVALUATED, PRECISION
from tests.score.example_rows import classification_task

TASKS = [classification_task(str(n), "Yes" if n % 2 else "No") for n in range(40)]


def evaluated(folder: Path, name: str, right: int) -> Path:
    write_records(folder / "tasks.jsonl", TASKS)
    said = [task.answers[0] if place < right else "perhaps" for place, task in enumerate(TASKS)]
    answers = [Completion(task_id=task.id, text=text) for task, text in zip(TASKS, said, strict=True)]
    write_records(folder / f"{name}.jsonl", answers)
    done = CliRunner().invoke(
        app,
        [
            "evaluate",
            *("--set", f"out={folder / name}"),
            *("--set", f"tasks={{kind: file, path: {folder / 'tasks.jsonl'}}}"),
            *("--set", f"answers={{kind: completions, path: {folder / name}.jsonl}}"),
        ],
    )
    assert done.exit_code == 0, done.output
    assert "majority" in done.output
    return folder / name


def test_a_worse_model_fails_the_command_only_when_asked_and_certain(tmp_path: Path) -> None:
    good, bad, nearly = (
        evaluated(tmp_path, "good", 40),
        evaluated(tmp_path, "bad", 10),
        evaluated(tmp_path, "nearly", 39),
    )
    runner = CliRunner()
    for folder, said in (
        (good, {"dtype": "float32", "quantization": "none"}),
        (bad, {"dtype": "float32", "quantization": "nf4"}),
    ):
        write_json(folder / EVALUATED / PRECISION, said)
    shown = runner.invoke(app, ["compare", str(good), str(bad)])
    assert shown.exit_code == 0, shown.output
    assert "good computed in float32; bad computed in float32, nf4" in shown.output
    report = ComparisonReport.from_json((bad / "compared" / "comparison.json").read_text())
    assert (report.a_computed_in.quantization, report.b_computed_in.quantization) == ("none", "nf4")
    assert "both right 10, both wrong 0" in shown.output
    line = next(line.split() for line in shown.output.splitlines() if line.strip().startswith("accuracy"))
    assert line[-4:] == ["0", "30", "<", "0.001"]
    assert (bad / "compared" / "comparison.html").is_file()
    worse = runner.invoke(app, ["compare", str(good), str(bad), "--fail-if-worse", "--out", str(tmp_path / "out")])
    assert worse.exit_code == 1
    assert (tmp_path / "out" / "comparison.json").is_file()
    for a, b in ((bad, good), (good, nearly), (good, good)):
        assert runner.invoke(app, ["compare", str(a), str(b), "--fail-if-worse"]).exit_code == 0


def test_trivial_models_and_the_noise_of_a_rerun_stand_beside(tmp_path: Path) -> None:
    good, again, bad = (evaluated(tmp_path, name, right) for name, right in (("good", 40), ("again", 38), ("bad", 10)))
    runner = CliRunner()
    shown = runner.invoke(app, ["compare", str(good), str(bad), "--rerun", str(again)], env={"COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    assert "trivial models: empty 0.0, majority 50.0" in shown.output
    assert "a rerun of good answers 2 of 40 differently (classification), accuracy -5.0" in shown.output
    report = ComparisonReport.model_validate_json((bad / "compared" / "comparison.json").read_text())
    assert report.noise[0].changed == 2
    assert "Trivial models on the same tasks" in (bad / "compared" / "comparison.html").read_text()
    itself = runner.invoke(app, ["compare", str(good), str(bad), "--rerun", str(good)])
    assert itself.exit_code == 2


def test_judging_again_takes_no_other_settings(tmp_path: Path) -> None:
    folder = evaluated(tmp_path, "good", 40)
    again = CliRunner().invoke(app, ["evaluate", "--rescore", str(folder)])
    assert again.exit_code == 0, again.output
    assert "0 of 40 rows changed" in again.output
    refused = CliRunner().invoke(app, ["evaluate", "--rescore", str(folder), "--set", "seed=1"])
    assert refused.exit_code == 2


def test_a_folder_without_an_evaluation_is_the_users_mistake(tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["compare", str(tmp_path), str(tmp_path)]).exit_code == 2

"""The quickstart at a reduced size: base, fine-tuning, expert iteration, GRPO and control, unbroken and killed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from burnish.fsio import digest_folder, read_lines
from burnish.records import Rollout
from burnish.records.files import read_records
from tests.e2e.run_program import PROGRAM, REPOSITORY, burnish, settings, summary_of, texts_of

QUICKSTART = REPOSITORY / "recipes" / "quickstart.yaml"
MODELS = ["base", "sft", "expert", "grpo", "control"]
TRAINED = ("sft/adapter", "merge/model", "expert/model", "grpo/model", "control/model")
SMALL = [
    "model.device=cpu",
    "data.tasks.train=48",
    "data.tasks.held_out=12",
    "data.tasks.cases=4",
    "stages.sft.max_steps=2",
    "stages.expert.prompts=8",
    "stages.expert.max_steps=4",
    "stages.expert.rounds=2",
    "stages.expert.sampling.samples=2",
    "stages.expert.sampling.max_new_tokens=80",
    "stages.expert.save_every=1",
    "stages.expert.log_every=1",
    "stages.expert.effective_batch=4",
    "stages.expert.micro_batch=4",
    "stages.grpo.max_steps=4",
    "stages.grpo.num_generations=4",
    "stages.grpo.generation_batch_size=16",
    "stages.grpo.effective_batch=8",
    "stages.grpo.micro_batch=8",
    "stages.grpo.decode_batch=8",
    "stages.grpo.max_completion_length=80",
    "stages.grpo.save_every=1",
    "stages.grpo.log_every=1",
    "stages.control.max_steps=2",
    "stages.control.effective_batch=8",
    "stages.control.micro_batch=8",
    *(f"stages.measure-{model}.sampling.max_new_tokens=80" for model in MODELS),
]


def quickstart(folder: Path, *kill: str) -> tuple[int, str, str]:
    """Run it in ``folder``, killed where ``kill`` says it: a text that a path holds, and a number."""
    program = ("-m", "tests.e2e.kill_at_file") if kill else PROGRAM
    done = burnish([*kill, "run", str(QUICKSTART), *settings(*SMALL)], folder, program=program, warm=bool(kill))
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of an unbroken run."""
    folder = tmp_path_factory.mktemp("whole")
    status, shown, said = quickstart(folder)
    assert status == 0, said
    (folder / "stdout").write_text(shown)
    return folder / "runs" / "quickstart"


def test_the_table_goes_from_the_base_to_the_control_with_intervals(whole: Path) -> None:
    summary = json.loads((whole / "summary.json").read_text())
    assert [model["name"] for model in summary["models"]] == MODELS
    for (kind,) in (model["kinds"] for model in summary["models"]):
        assert (kind["n"], kind["infra"]) == (12, 0)
        for rate in ("compile_rate", "lint_free_rate", "tests_passed"):
            low, high = kind["metrics"][rate]["ci95"]
            assert 0 <= low <= kind["metrics"][rate]["value"] <= high <= 1
            assert low < high
    compared = {(one["a"], one["b"]) for one in summary["comparisons"]}
    assert compared >= {("base", "sft"), ("sft", "expert"), ("expert", "grpo"), ("grpo", "control"), ("sft", "grpo")}
    shown = (whole.parents[1] / "stdout").read_text()
    places = [shown.index(f"\n {model} ") for model in MODELS]
    assert places == sorted(places)
    assert "grpo against expert" in shown


def test_what_was_written_and_judged_on_the_way_is_kept(whole: Path) -> None:
    rollouts = list(read_records(Rollout, whole / "grpo" / "rollouts.jsonl"))
    assert [sum(rollout.step == step for rollout in rollouts) for step in (0, 2)] == [16, 16]
    assert {rollout.verdict.status for rollout in rollouts if rollout.verdict is not None} == {"pass", "fail"}
    for number in (1, 2):
        assert len(list(read_lines(whole / "expert" / f"round_{number}" / "completions.jsonl"))) == 16


def test_the_page_opens_with_curves_of_expert_iteration_and_grpo(whole: Path) -> None:
    page = (whole / "report.html").read_text()
    assert page.startswith("<!doctype html>")
    curves = page[page.index('<section id="curves">') :].split("</section>")[0]
    drawn = dict(re.findall(r"<h3>([\w-]+)</h3>\s*<figure>(.*?)</figure>", curves, flags=re.DOTALL))
    for stage in ("expert", "grpo"):
        assert "<svg" in drawn[stage]


def test_a_quickstart_killed_twice_equals_the_unbroken_run(whole: Path, tmp_path: Path) -> None:
    here = tmp_path / "runs" / "quickstart"
    assert quickstart(tmp_path, "expert/round_2/checkpoints/checkpoint-2/", "1")[0] == -9
    assert (here / "expert/round_2/checkpoints/checkpoint-1/complete.json").is_file()
    assert not (here / "expert/done.json").exists()
    assert quickstart(tmp_path, "grpo/checkpoints/checkpoint-3/", "1")[0] == -9
    assert (here / "grpo/checkpoints/checkpoint-2/complete.json").is_file()
    assert not (here / "grpo/done.json").exists()
    status, _, said = quickstart(tmp_path)
    assert status == 0, said
    assert summary_of(here) == summary_of(whole)
    for folder in TRAINED:
        assert digest_folder(here / folder) == digest_folder(whole / folder), folder
    for model in MODELS:
        assert texts_of(here, f"measure-{model}") == texts_of(whole, f"measure-{model}")

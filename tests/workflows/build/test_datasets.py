"""A build writes a new folder, whole or not at all, and says what it was made of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from burnish.config.load import load_config
from burnish.config.tasks import RustTasks
from burnish.config.verbs.build import BuildQuestionsConfig, BuildTasksConfig, BuildTokensConfig, MovieLensConfig
from burnish.config.verify import VerifyConfig
from burnish.data.pretraining.token_bins import TokenBins
from burnish.data.rust_tasks.build import build_rust_tasks
from burnish.data.tasks.task_sets import read_tasks
from burnish.errors import ConfigError, DataError
from burnish.records import Example
from burnish.records.layout import EVAL, HELD_OUT, META, REJECTED, TEST, TOKENIZER, TRAIN
from burnish.workflows.build.datasets import (
    QUESTIONS,
    build_movielens,
    build_questions,
    build_rust_task_files,
    new_folder,
    prove_references,
)
from burnish.workflows.build.tokens import build_tokens
from burnish.workflows.build.validate_tasks import validate_tasks
from tests.data.builders.published_rows import ARC_NUMBERED, ARC_ROW, GSM8K_ROW, write_rows
from tests.data.builders.small_movielens import write_movielens


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_questions_become_rows_tasks_and_a_record_of_both(tmp_path: Path) -> None:
    config = BuildQuestionsConfig(
        out=tmp_path / "arc",
        train=write_rows(tmp_path / "train.jsonl", [ARC_ROW, ARC_NUMBERED, {**ARC_ROW, "answerKey": "?"}]),
        test=write_rows(tmp_path / "test.jsonl", [ARC_ROW]),
        bad_rows=1,
    )
    meta = build_questions("arc", config)
    (task,) = read_tasks(tmp_path / "arc" / HELD_OUT)
    (example,) = [Example.from_json(line) for line in (tmp_path / "arc" / TRAIN).read_text().splitlines()]
    assert task.answers == ("B",)
    assert example.messages[0] == task.prompt[0]
    assert meta == json.loads((tmp_path / "arc" / META).read_text())
    assert (meta["train"], meta["held_out"], meta["rows"], meta["rejected"]) == (1, 1, 4, 1)
    assert meta["left_out"] == {"asked in the held-out part": 1}
    assert rows_of(tmp_path / "arc" / REJECTED)[0]["place"] == "3"


def test_every_builder_of_questions_is_known_by_its_name() -> None:
    assert {name: questions.name for name, questions in QUESTIONS.items()} == {name: name for name in QUESTIONS}


def test_a_build_that_fails_leaves_nothing_and_one_that_is_there_is_kept(tmp_path: Path) -> None:
    good = write_rows(tmp_path / "good.jsonl", [GSM8K_ROW])
    bad = write_rows(tmp_path / "bad.jsonl", [GSM8K_ROW, {"question": "?"}])
    with pytest.raises(DataError, match=r"bad\.jsonl:2"):
        build_questions("gsm8k", BuildQuestionsConfig(out=tmp_path / "out", train=bad))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.jsonl", "good.jsonl"]
    build_questions("gsm8k", BuildQuestionsConfig(out=tmp_path / "out", train=good))
    with pytest.raises(DataError, match="already exists"):
        build_questions("gsm8k", BuildQuestionsConfig(out=tmp_path / "out", train=bad))
    assert len(rows_of(tmp_path / "out" / TRAIN)) == 1


def test_files_of_an_interrupted_build_are_not_reused(tmp_path: Path) -> None:
    left = tmp_path / ".out.part"
    left.mkdir()
    (left / "old").write_text("x")
    with new_folder(tmp_path / "out") as folder:
        (folder / "new").write_text("y")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["new"]
    assert not left.exists()


@pytest.mark.parametrize("said", [[], ["train=a", "test=b", "test_share=0.1"], ["test=b", "test_share=0.1"]])
def test_settings_that_name_no_files_or_two_splits_are_refused(said: list[str]) -> None:
    with pytest.raises(ConfigError):
        load_config(BuildQuestionsConfig, None, ["out=x", *said])


def test_movielens_parts_and_what_is_not_guarded(tmp_path: Path) -> None:
    folder = write_movielens(tmp_path / "ml", ratings_of={1: 40, 2: 16})
    meta = build_movielens(MovieLensConfig(source=folder, out=tmp_path / "out"))
    counts = (meta["num_train"], meta["num_eval"], meta["num_test"])
    assert counts == (22, 1, 3)
    assert counts == tuple(len(rows_of(tmp_path / "out" / name)) for name in (TRAIN, EVAL, TEST))
    tasks = read_tasks(tmp_path / "out" / TEST)
    assert {task.family for task in tasks} == {"user 1", "user 2"}
    assert {row["output"] for row in rows_of(tmp_path / "out" / TRAIN)} == {"Yes", "No"}
    assert any("other users" in leak for leak in meta["leaks"]["not guarded"])


def test_rust_references_are_proven_when_asked(tmp_path: Path) -> None:
    config = BuildTasksConfig(
        out=tmp_path / "good", tasks=RustTasks(train=2, held_out=2, cases=2), prove=True, verify=VerifyConfig(workers=1)
    )
    meta = build_rust_task_files(config)
    assert (meta["references_proven"], meta["families_in_both"]) == (4, 0)
    assert read_tasks(tmp_path / "good" / TRAIN) == build_rust_tasks(train=2, held_out=2, cases=2, seed=0)[0]

    (task, *_), _ = build_rust_tasks(train=1, held_out=1, cases=1, seed=0)
    untidy = task.model_copy(update={"reference": f"{task.reference}\npub fn lazy() -> u8 {{\n    return 1;\n}}\n"})
    wrong = task.model_copy(update={"id": "wrong", "reference": "pub fn other() {}"})
    with pytest.raises(DataError, match=r"1 of 1 references .* first rust-train-00000: lints clippy::needless_return"):
        prove_references([untidy], config)
    with pytest.raises(DataError, match=r"1 of 2 references .* first wrong: "):
        prove_references([task, wrong], config)


def test_a_tokenizer_is_trained_on_the_crates_or_given(tmp_path: Path) -> None:
    (tmp_path / "crates/a/src").mkdir(parents=True)
    (tmp_path / "crates/a/Cargo.toml").write_text('[package]\nname = "a"\nlicense = "MIT"\n')
    for number in range(3):
        (tmp_path / f"crates/a/src/{number}.rs").write_text(f"pub fn number() -> u32 {{ {number} }}\n" * 20)
    config = BuildTokensConfig(source=tmp_path / "crates", out=tmp_path / "one", vocabulary=300)
    meta = build_tokens(config)
    first = TokenBins(tmp_path / "one")
    assert (meta["documents"], len(first), meta["licences"]["MIT"]["documents"]) == (3, 3, 3)
    assert all(first[index][-1] == meta["end_of_text"] for index in range(3))
    given = config.model_copy(update={"out": tmp_path / "two", "tokenizer": tmp_path / "one" / TOKENIZER})
    again = build_tokens(given)
    assert [TokenBins(tmp_path / "two")[index] for index in range(3)] == [first[index] for index in range(3)]
    assert again["end_of_text"] == meta["end_of_text"]

    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "one" / TOKENIZER)
    assert tokenizer.decode(first[0][:-1]) == (tmp_path / "crates/a/src/0.rs").read_text()


def test_tasks_of_other_kinds_are_not_validated(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", [GSM8K_ROW])
    build_questions("gsm8k", BuildQuestionsConfig(out=tmp_path / "out", test=path))
    tasks = tmp_path / "out" / HELD_OUT
    with pytest.raises(DataError, match="of the kind 'numeric', but only Rust tasks work here"):
        validate_tasks(tasks, tmp_path / "v", VerifyConfig())
    assert not (tmp_path / "v").exists()

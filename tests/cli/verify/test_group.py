"""``burnish verify FILE`` beside ``burnish verify serve``, and the mistakes of both."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_verbs import assert_mistake, burnish


@pytest.mark.parametrize(
    "arguments", [("none.jsonl", "--out", "o"), ("file", "none.jsonl", "--out", "o"), ("--out", "o", "none.jsonl")]
)
def test_a_first_word_that_is_not_a_verb_is_a_file(arguments: tuple[str, ...], tmp_path: Path) -> None:
    assert_mistake(burnish("verify", *arguments, cwd=tmp_path), r"cannot read none\.jsonl")


def test_help_shows_the_verbs_and_what_a_file_needs() -> None:
    group = burnish("verify", "--help").stdout
    assert "serve" in group
    assert "FILE --out FOLDER" in group
    assert "--out" in burnish("verify", "file", "--help").stdout


def test_serving_to_others_without_a_token_is_refused() -> None:
    way_out = assert_mistake(burnish("verify", "serve", "--set", "host=0.0.0.0"), "no token is set")
    assert "BURNISH_VERIFY_TOKEN" in way_out


def test_tasks_that_are_not_there_are_named(tmp_path: Path) -> None:
    assert_mistake(
        burnish("data", "validate-tasks", "t.jsonl", "--out", "o", cwd=tmp_path), r"file t\.jsonl does not exist"
    )


def test_a_file_gives_a_table_and_with_json_the_summary(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(
        '{"task_id": "a", "completion": "fn a() {}"}\n{"id": "b", "text": "fn b( {"}\n{"id": "c"}\n'
    )
    table = burnish("verify", "rows.jsonl", "--out", "out", "--set", "workers=1", cwd=tmp_path)
    assert table.returncode == 0, table.stderr
    assert ["compile_error", "1", "50.0"] in [line.split() for line in table.stdout.splitlines()]
    assert "1 row was not read: rejected.jsonl says why." in table.stdout
    assert "out/verdicts.jsonl" in table.stdout
    summary = burnish("verify", "rows.jsonl", "--out", "out", "--json", cwd=tmp_path)
    assert json.loads(summary.stdout)["reasons"] == {"compile_error": 1, "ok": 1}


def test_where_nothing_could_be_judged_the_exit_says_so(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"id": "a", "code": "fn main() {}", "crates": ["nowhere"]}\n')
    done = burnish("verify", "rows.jsonl", "--out", "out", "--set", "dependencies=none", cwd=tmp_path)
    assert done.returncode == 4
    cause, way_out = done.stderr.splitlines()[-2:]
    assert cause == "error: nothing could be judged: 1 of 1 rows are infra."
    assert "burnish verify dependencies build" in way_out
    assert (tmp_path / "out/verdicts.jsonl").is_file()

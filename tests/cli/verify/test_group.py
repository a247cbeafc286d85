"""``burnish verify FILE`` beside ``burnish verify serve``, and the mistakes of both."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_verbs import assert_mistake, burnish


@pytest.mark.parametrize(
    "arguments", [("none.jsonl", "--out", "o"), ("file", "none.jsonl", "--out", "o"), ("--out", "o", "none.jsonl")]
)
def test_a_first_word_that_is_no_verb_is_a_file(arguments: tuple[str, ...], tmp_path: Path) -> None:
    assert_mistake(burnish("verify", *arguments, cwd=tmp_path), r"cannot read none\.jsonl")


def test_help_shows_the_verbs_and_what_a_file_needs() -> None:
    group = burnish("verify", "--help").stdout
    assert "serve" in group
    assert "FILE --out FOLDER" in group
    assert "--out" in burnish("verify", "file", "--help").stdout


def test_serving_to_others_without_a_token_is_refused() -> None:
    way_out = assert_mistake(burnish("verify", "serve", "--set", "host=0.0.0.0"), "there is no token")
    assert "BURNISH_VERIFY_TOKEN" in way_out


def test_tasks_that_are_not_there_are_named(tmp_path: Path) -> None:
    assert_mistake(
        burnish("data", "validate-tasks", "t.jsonl", "--out", "o", cwd=tmp_path), r"there is no file t\.jsonl"
    )

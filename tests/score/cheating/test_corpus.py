"""The corpus ships whole, and every file of it becomes an answer without a placeholder left."""

from __future__ import annotations

from burnish.score.cheating.corpus import ANSWERS, read_corpus
from burnish.syntax.source import parse


def test_every_task_has_right_wrong_and_cheating_answers() -> None:
    answers = read_corpus()
    tasks = {answer.task.id for answer in answers}
    assert len(tasks) >= 5
    for task in tasks:
        roles = [answer.role for answer in answers if answer.task.id == task]
        assert roles.count("right") >= 1
        assert roles.count("wrong") >= 2
        assert roles.count("cheat") >= 30
        names = [answer.name for answer in answers if answer.task.id == task]
        assert len(names) == len(set(names))


def test_every_corpus_file_is_used_and_every_placeholder_filled() -> None:
    answers = read_corpus()
    own = [file for file in ANSWERS.glob("*/*") if file.name.startswith(("right_", "wrong_", "cheat_"))]
    shared = [*ANSWERS.glob("any/*"), *ANSWERS.glob("bodies/*")]
    assert len(answers) == len(own) + len(shared) * len({answer.task.id for answer in answers})
    assert not [answer.name for answer in answers if "@" in answer.text]
    strays = {file.name for file in ANSWERS.glob("*/*")} - {file.name for file in (*own, *shared)}
    assert strays == {"task.json", "stub.rs"}


def test_corpus_answers_get_their_stated_verdicts() -> None:
    answers = {(one.task.id, one.name): one for one in read_corpus()}
    assert answers["is_prime", "empty"].text == ""
    assert "is_prime(2)" in answers["is_prime", "prompt_repeated"].text
    assert "todo!()" in answers["is_prime", "many_comments"].text
    bare = [answer for answer in answers.values() if answer.role != "cheat" and "```" not in answer.text]
    whole = [one for one in bare if one.name != "right_continued"]
    assert not [one.name for one in whole if parse(one.text).has_error]

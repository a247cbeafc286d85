"""Metrics come with verdicts of the real ladder, and those of the prompt are each verdict's own."""

from __future__ import annotations

from pathlib import Path

from burnish.config.verify import VerifyConfig
from burnish.records import Completion, Message, Task, Verdict
from burnish.verify import Verifier
from burnish.verify.judge.cache import SqliteVerdictCache

CODE = 'fn main() { let account = Some(1); println!("{}", account.unwrap()); }'


def task_with_prompt(name: str, said: str) -> Task:
    return Task(id=name, family=name, prompt=(Message(role="user", content=said),))


def test_metrics_are_kept_with_the_program_and_the_match_is_the_prompts(tmp_path: Path) -> None:
    cache = SqliteVerdictCache(tmp_path / "v.sqlite")
    tasks = [task_with_prompt("a", "Open an account."), task_with_prompt("b", "Sort numbers.")]
    pairs = [(task, Completion(task_id=task.id, text=CODE)) for task in tasks]
    pairs.append((tasks[0], Completion(task_id="a", text="fn main( {")))
    with Verifier(VerifyConfig(workers=1), cache=cache) as verifier:
        first, second, unread = verifier.verify(pairs)
        again = verifier.verify(pairs[1:2])[0]
    cache.close()
    for verdict in (first, second, again):
        assert (verdict.metrics["panicking_calls"], verdict.metrics["functions"]) == (1, 1)
    assert (first.metrics["prompt_word_match"], second.metrics["prompt_word_match"]) == (0.5, 0)
    assert (again.cached, again.metrics) == (True, second.metrics)
    assert unread.metrics == {}
    assert Verdict.from_json(first.to_json()) == first

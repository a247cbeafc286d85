from __future__ import annotations

from burnish.data.tasks.task_sets import examples_from_tasks
from burnish.records import Message, Task

PROMPT = (Message(role="system", content="Write Rust."), Message(role="user", content="Sum."))


def test_prompt_and_reference_become_one_conversation() -> None:
    task = Task(id="a", family="f", prompt=PROMPT, reference="fn f() {}", origin="built in")
    (example,) = examples_from_tasks([task, Task(id="b", family="f", prompt=PROMPT)])
    assert example.messages == (*PROMPT, Message(role="assistant", content="fn f() {}"))
    assert (example.id, example.origin, example.weight) == ("a", "built in", 1.0)

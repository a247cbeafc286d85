from __future__ import annotations

import pytest

from burnish.data.encode.encoded import EncodedExample
from burnish.data.gates.row_sets import check_answers, check_duplicates, check_role_order
from burnish.errors import GateError
from burnish.records import Example, Message, Role


def roles(*names: Role) -> Example:
    return Example(id="row", messages=tuple(Message(role=name, content=f"{name} says") for name in names))


def answers(*texts: str) -> list[Example]:
    question = Message(role="user", content="ask")
    return [
        Example(id=str(index), messages=(question, Message(role="assistant", content=text)))
        for index, text in enumerate(texts)
    ]


@pytest.mark.parametrize(
    "good",
    [
        ("user", "assistant"),
        ("system", "user", "assistant"),
        ("system", "system", "user", "assistant"),
        ("user", "assistant", "user", "assistant"),
        ("user", "assistant", "user"),
        ("user", "assistant", "tool", "assistant"),
        ("system", "user", "assistant", "tool", "tool", "assistant", "user", "assistant"),
    ],
)
def test_conversations_in_role_order_pass(good: tuple[Role, ...]) -> None:
    check_role_order([roles(*good), Example(id="d", text="fn main() {}")])


@pytest.mark.parametrize(
    ("bad", "place"),
    [
        (("assistant", "user"), "turn 0 is of the role 'assistant' where 'user' belongs"),
        (("user", "system", "assistant"), "turn 1 is of the role 'system' where 'assistant' belongs"),
        (("user", "user", "assistant"), "turn 1 is of the role 'user'"),
        (("user", "tool", "assistant"), "turn 1 is of the role 'tool' where 'assistant' belongs"),
        (("user", "assistant", "tool", "user"), "turn 3 is of the role 'user' where 'assistant' belongs"),
        (("user", "assistant", "assistant"), "turn 2 is of the role 'assistant' where 'user' belongs"),
    ],
)
def test_conversations_out_of_role_order_are_refused(bad: tuple[Role, ...], place: str) -> None:
    with pytest.raises(GateError, match=rf"row row has its roles in the wrong order .*{place}.* says"):
        check_role_order([roles("user", "assistant"), roles(*bad)])


def test_too_large_a_share_of_one_answer_is_refused() -> None:
    check_answers(answers(*["Yes"] * 9), 0.5)  # too few to say
    check_answers(answers(*["Yes"] * 95, *["No"] * 5), 0.95)
    with pytest.raises(GateError, match="96 of 100 conversations have one and the same answer, 'Yes'"):
        check_answers(answers(*["Yes"] * 95, " Yes\n", *["No"] * 4), 0.95)


def test_duplicates_are_rows_of_other_ids_with_the_same_tokens() -> None:
    rows = [EncodedExample(f"r{index}", [1, 2, index % 5], [1, 2, index % 5]) for index in range(10)]
    assert check_duplicates(rows, 0.5, lambda row: row.id) == 5
    with pytest.raises(GateError, match="5 of 10 rows repeat an earlier row; row r5 is row r0: shown"):
        check_duplicates(rows, 0.4, lambda _row: "shown")
    assert check_duplicates([rows[0]] * 20, 0.0, lambda row: row.id) == 0  # repeated on purpose

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.data.mixing.validation_rows import hold_out_rows
from burnish.errors import DataError
from burnish.records import Example, Message


def asking(question: int, place: int) -> Example:
    messages = (Message(role="user", content=f"q{question}"), Message(role="assistant", content=f"answer {place}"))
    return Example(id=f"rows:{place}", messages=messages)


@given(st.lists(st.integers(0, 9), min_size=2, max_size=30), st.integers(1, 30), st.integers(0, 5))
def test_rows_are_split_and_the_same_question_never_is(questions: list[int], wanted: int, seed: int) -> None:
    examples = [asking(question, place) for place, question in enumerate(questions)]
    places = list(range(len(examples)))
    try:
        kept, held = hold_out_rows(places, examples, wanted, seed=seed)
    except DataError:
        assert len(set(questions)) == 1 or wanted > len(questions) - max(map(questions.count, questions))
        return
    assert sorted(kept + held) == places
    assert kept == sorted(kept)
    assert held == sorted(held)
    assert len(held) >= wanted
    assert kept
    assert {questions[place] for place in kept}.isdisjoint(questions[place] for place in held)


def test_the_split_depends_on_the_seed_and_not_on_the_order() -> None:
    examples = [asking(place, place) for place in range(40)]
    ids = [example.id for example in examples]
    _, held = hold_out_rows(ids, examples, 5, seed=1)
    _, again = hold_out_rows(ids[::-1], examples[::-1], 5, seed=1)
    _, other = hold_out_rows(ids, examples, 5, seed=2)
    assert set(held) == set(again) != set(other)


def test_documents_are_split_by_their_text() -> None:
    examples = [Example(id=f"d:{place}", text=f"fn f{place % 2}() {{}}") for place in range(6)]
    kept, held = hold_out_rows(list(range(6)), examples, 1, seed=0)
    assert sorted((tuple(kept), tuple(held))) == [(0, 2, 4), (1, 3, 5)]


def test_holding_everything_out_is_refused() -> None:
    with pytest.raises(DataError, match="leaves none to train on"):
        hold_out_rows([0], [asking(0, 0)], 1, seed=0)

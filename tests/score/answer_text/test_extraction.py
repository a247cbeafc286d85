"""What counts as the answer, and what does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burnish.records.files import read_rows
from burnish.score.answer_text.extraction import extract_label, extract_number, extract_text
from burnish.score.answer_text.letters import extract_choice
from burnish.score.answer_text.numbers import only_number
from burnish.score.answer_text.visible import boxes, visible_text

CHOICES = {"A": "red dog", "B": "blue cat", "C": "a man", "D": "none of these"}


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (r"\boxed{5}", "5"),
        (r"\boxed{3} then \boxed{4}", "4"),
        (r"\boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{\boxed{7}}", "7"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed{}", ""),
        (r"\boxed{12", None),
        (r"\boxed{9} and \boxed{12", "9"),
        ("no box", None),
    ],
)
def test_the_last_whole_box_with_nested_braces(text: str, content: str | None) -> None:
    assert [None, *boxes(text)][-1] == content


@given(st.text(alphabet="ab{}1", max_size=30))
def test_a_box_holds_what_was_put_in_it(content: str) -> None:
    depth, low = 0, 0
    for character in content:
        depth += {"{": 1, "}": -1}.get(character, 0)
        low = min(low, depth)
    if depth == 0 and low == 0:
        assert [None, *boxes(f"so \\boxed{{{content}}} it is")][-1] == content


@pytest.mark.parametrize(
    ("text", "visible"),
    [
        ("<think>no</think>Yes", "Yes"),
        ("<think>I know the film", ""),
        ("opened by the prompt, no </think> Yes", "Yes"),
        ("<think>a</think> b <think>c", "b"),
        ("<THINK>\n1\n</THINK>\n2", "2"),
    ],
)
def test_thinking_is_not_part_of_the_answer(text: str, visible: str) -> None:
    assert visible_text(text) == visible


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Yes", "Yes"),
        ("no.", "No"),
        ("**Yes**, they will", "Yes"),
        ("<think>no no</think>\n\nYes", "Yes"),
        ("I would say yes.", "Yes"),
        ("Answer: **No**", "No"),
        ("No, wait. The answer is yes.", "Yes"),
        (r"\boxed{\text{Yes}}", "Yes"),
        (r"\boxed{true}", "Yes"),
        (r"No. \boxed{yes}", "Yes"),
        ("n", "No"),
    ],
)
def test_labels_are_extracted(text: str, answer: str) -> None:
    assert extract_label(text, ("Yes", "No")).answer == answer


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("<think> I know the movie", "only_thinking"),
        ("another film, I know", "no_answer"),
        ("Yes or no? Hard to say.", "ambiguous"),
        ("The answer is yes or no", "ambiguous"),
        ("It is not true.", "ambiguous"),
        ("It isn't true.", "ambiguous"),
        (r"\boxed{maybe}", "no_answer"),
    ],
)
def test_answers_without_a_label_give_a_reason(text: str, problem: str) -> None:
    found = extract_label(text, ("Yes", "No"))
    assert (found.answer, found.problem) == (None, problem)


def test_labels_other_than_yes_and_no_have_no_synonyms() -> None:
    assert extract_label("yes", ("spam", "ham")).answer is None
    assert extract_label("It is spam.", ("spam", "ham")).answer == "spam"
    assert extract_label("spammer", ("spam", "ham")).answer is None


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("B", "B"),
        ("(b)", "B"),
        ("The answer is D", "D"),
        (r"\boxed{(C)}", "C"),
        (r"\boxed{\text{B}}", "B"),
        (r"\boxed{C. a man}", "C"),
        ("**B.** because", "B"),
        ("Option C is correct", "C"),
        ("The correct choice is (A).", "A"),
        ("I pick D.", "D"),
        ("blue cat", "B"),
        ("Answer: a man", "C"),
    ],
)
def test_letters_are_extracted(text: str, answer: str) -> None:
    assert extract_choice(text, CHOICES).answer == answer


@pytest.mark.parametrize(
    "text",
    [
        "A dog is an animal",
        "the answer is a secret",
        "A or B",
        "Both B and C",
        "A. red dog\nB. blue cat\nC. a man",
        "E",
        "Bad",
    ],
)
def test_answers_without_a_letter_give_a_reason(text: str) -> None:
    assert extract_choice(text, CHOICES).answer is None


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("3 x 6 is 18\nA: 18", "18"),
        ("#### 1,018", "1018"),
        ("The answer is $9 * 2 = $18 since 5 eggs remain", "18"),
        (r"first \boxed{3}, no: \boxed{\frac{1}{2}} of 7", "1/2"),
        ("so there are 40 cows, 2 more than 38", "38"),
    ],
)
def test_numbers_are_extracted(text: str, answer: str) -> None:
    assert extract_number(text).answer == answer


def test_a_marked_answer_in_words_is_not_replaced_by_another_number() -> None:
    assert extract_number("3 and 4\nA: eighteen").answer is None
    assert extract_number(r"3 and 4, so \boxed{eighteen}").answer is None
    assert extract_number(r"\boxed{eighteen}", words=True).answer == "18"


def test_of_a_text_that_was_cut_off_only_a_marked_answer_counts() -> None:
    assert extract_number("she has 16 - 3 = 13 eggs and", cut_off=True).problem == "cut_off"
    assert extract_number("A: 13 eggs and", cut_off=True).answer == "13"
    assert extract_label("I think they would say yes to", ("Yes", "No"), cut_off=True).problem == "cut_off"
    assert extract_label("Yes, because of the", ("Yes", "No"), cut_off=True).answer == "Yes"
    assert extract_choice("Let us look at C first", CHOICES, cut_off=True).problem == "cut_off"
    assert extract_text("The river is", cut_off=True).problem == "cut_off"


def test_free_text_is_extracted() -> None:
    assert extract_text(r"So \boxed{x^2}").answer == "x^2"
    assert extract_text("thus\nThe answer is: the Rhine.").answer == "the Rhine"
    assert extract_text("the Rhine").answer == "the Rhine"
    long = "word " * 400 + "end"
    assert extract_text(f"The answer is {long}.\nMore words.").answer == long
    assert extract_text("the Rhine\nor the Ruhr").problem == "no_answer"
    assert extract_text(r"\boxed{}").problem == "no_answer"


@given(st.text(max_size=300), st.booleans())
def test_any_text_gives_an_answer_or_a_reason(text: str, cut_off: bool) -> None:
    for found in (
        extract_label(text, ("Yes", "No"), cut_off=cut_off),
        extract_choice(text, CHOICES, cut_off=cut_off),
        extract_number(text, cut_off=cut_off),
        extract_text(text, cut_off=cut_off),
    ):
        assert (found.answer is None) == bool(found.problem)


def test_every_recorded_outcome_of_published_gsm8k_solutions_is_reproduced(shared: Path) -> None:
    rows = list(read_rows(shared / "data" / "gsm8k" / "model_solutions_first660.jsonl"))
    judged = 0
    for row in rows:
        right = extract_number(row["ground_truth"]).answer
        assert right is not None
        for model in (value for value in row.values() if isinstance(value, dict)):
            answer = extract_number(model["solution"]).answer
            assert (answer is not None and only_number(answer) == only_number(right)) == model["is_correct"]
            judged += 1
    assert judged == 2640

"""Every form of an answer in the table reads as the table says, and public data as its authors say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from burnish.fsio import read_lines
from burnish.records import Completion, Task
from burnish.records.evaluation import EvaluatedRow
from burnish.score.answer_text.extraction import extract_label, extract_number, extract_text
from burnish.score.answer_text.letters import extract_choice
from burnish.score.answer_text.notation import same_text
from burnish.score.answer_text.numbers import only_number
from burnish.score.summaries.answer_summary import estimates
from burnish.score.summaries.answers import judge_answer
from tests.score.forms import FORMS, Form, Kind, read

# case -> what is extracted, or whether each row is right; from the table of the cases
EXTRACTED = {
    "case01": ["C", "B", "D", "B", "C"],
    "case02": ["14", "14", "14", "14", "1000000"],
    "case03": ["D", "D", "B", "C"],
}


@pytest.mark.parametrize(("kind", "form"), [(kind, form) for kind, forms in FORMS.items() for form in forms])
def test_a_form_reads_as_it_should(kind: Kind, form: Form) -> None:
    assert read(kind, form) == form.answer


def test_the_table_is_long_and_repeats_nothing() -> None:
    for forms in FORMS.values():
        assert len({(form.text, str(form.of), form.source == "cut") for form in forms}) == len(forms)
    assert sum(map(len, FORMS.values())) >= 150


@pytest.mark.parametrize("case", EXTRACTED)
def test_answers_that_bug_reports_led_to(shared: Path, case: str) -> None:
    assert [row.extracted for row in _rows(shared, case)] == EXTRACTED[case]


def test_markup_before_a_full_stop_belongs_to_no_answer(shared: Path) -> None:
    assert [row.correct for row in _rows(shared, "case04")] == [True] * 10


def test_multiple_choice_of_public_sets_in_seven_forms(shared: Path) -> None:
    judged = 0
    for name in ("arc_challenge", "arc_easy", "openbookqa", "piqa"):
        for row in _json(shared / "data" / "mcqa" / f"{name}.jsonl"):
            parts = re.split(r"(?:Answer|Solution)\d: ", str(row["instruction"]).split("\n\nAnswer format")[0])[1:]
            choices = {chr(ord("A") + place): part.strip() for place, part in enumerate(parts)}
            right = chr(ord("A") - 1 + int(str(row["answer"])[-1]))
            listed = "\n".join(f"{letter}: {text}" for letter, text in choices.items())
            for text in (
                f"The answer is {choices[right]}",
                f"{listed}\nThe correct option is {right}.",
                f"{listed}\n{right}",
                f"{right}. {choices[right]}",
                f"Let me see.\n{listed}\n\n**{right}: {choices[right]}**",
                choices[right],
                f"\\boxed{{{right}}}",
            ):
                assert extract_choice(text, choices).answer == right, text
                judged += 1
            assert extract_choice(listed, choices).answer is None, listed
    assert judged == 7 * (586 + 1188 + 250 + 919)


def test_labels_of_public_sets(shared: Path) -> None:
    for file in (shared / "data" / "mcqa").glob("*.jsonl"):
        for row in _json(file):
            labels = str(row["instruction"]).rpartition("Answer format: ")[2].split("/")
            assert extract_label(str(row["output"]), labels).answer == row["answer"]


def test_mathematics_and_gsm8k_read_as_their_authors_wrote_them(shared: Path) -> None:
    for row in _json(shared / "data" / "math500" / "first250.jsonl"):
        answer = extract_text(str(row["solution"])).answer
        assert answer is not None
        assert same_text(str(row["answer"]), answer)
    for row in _json(shared / "data" / "gsm8k" / "train.jsonl"):
        number = extract_number(str(row["answer"])).answer
        assert number is not None
        assert only_number(number) == only_number(str(row["answer"]).rpartition("####")[2])


def _rows(shared: Path, case: str) -> list[EvaluatedRow]:
    folder = shared / "cases" / "answers"
    tasks = {task.id: task for task in map(Task.model_validate, _json(folder / f"{case}_tasks.jsonl"))}
    answers = map(Completion.model_validate, _json(folder / f"{case}_answers.jsonl"))
    return [judge_answer(tasks[answer.task_id], answer, tolerance=1e-4) for answer in answers]


def _json(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in read_lines(path) if line.strip()]


def test_recall_of_the_case_is_over_its_ten_positives(shared: Path) -> None:
    found = estimates(_rows(shared, "case08d"))["recall_positive"]
    assert (found.value, found.n) == (1.0, 10)
    assert found.ci95 == pytest.approx((0.722, 1.0), abs=0.001)

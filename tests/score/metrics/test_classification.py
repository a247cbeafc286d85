"""Metrics of classification against scikit-learn, unread answers included."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from burnish.score.metrics.classification import UNPARSED, confusion, per_class
from burnish.score.summaries.answers import measure
from tests.score.example_rows import classified

LABELS = ("Yes", "No", "Maybe")
pairs = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from((*LABELS, None))), min_size=1, max_size=60)


def measured(rights: list[str], answers: list[str | None], labels: tuple[str, ...]) -> dict[str, float]:
    found = measure(classified(rights, answers, labels=labels))
    sums = found.columns_NK.sum(axis=0)
    return {measure.name: float(measure.statistic(sums)) for measure in found.measures}


@given(pairs)
def test_all_metrics_are_those_of_scikit_learn(pairs: list[tuple[str, str | None]]) -> None:
    rights, answers = [right for right, _ in pairs], [answer for _, answer in pairs]
    predicted = [UNPARSED if answer is None else answer for answer in answers]
    found = measured(rights, answers, LABELS)
    present = [label for label in LABELS if label in rights or label in predicted]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert found["accuracy"] == pytest.approx(metrics.accuracy_score(rights, predicted))
        assert found["macro_f1"] == pytest.approx(
            metrics.f1_score(rights, predicted, labels=present, average="macro", zero_division=0)
        )
        for name, function in (
            ("f1_positive", metrics.f1_score),
            ("precision_positive", metrics.precision_score),
            ("recall_positive", metrics.recall_score),
        ):
            expected = function(rights, predicted, labels=["Yes"], average="macro", zero_division=0)
            assert found[name] == pytest.approx(expected)
        assert found["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(rights, predicted))
        assert found["mcc"] == pytest.approx(metrics.matthews_corrcoef(rights, predicted), abs=1e-9)


@given(pairs)
def test_confusion_and_classes_are_those_of_scikit_learn(pairs: list[tuple[str, str | None]]) -> None:
    rights, answers = [right for right, _ in pairs], [answer for _, answer in pairs]
    predicted = [UNPARSED if answer is None else answer for answer in answers]
    rows = classified(rights, answers, labels=LABELS)
    table = metrics.confusion_matrix(rights, predicted, labels=[*LABELS, UNPARSED])
    cells = confusion(rows, LABELS)
    assert [[cells[right][answer] for answer in (*LABELS, UNPARSED)] for right in LABELS] == table[:-1].tolist()
    assert sum(sum(line.values()) for line in cells.values()) == len(pairs)
    scores = metrics.precision_recall_fscore_support(rights, predicted, labels=list(LABELS), zero_division=0)
    for place, label in enumerate(LABELS):
        one = per_class(rows, LABELS)[label]
        expected = [scores[column][place] for column in range(4)]
        assert [one.precision, one.recall, one.f1, one.support] == pytest.approx(expected)


def test_unread_answers_stay_in_every_denominator() -> None:
    """Four unread and one right of five positives: F1 is not 1."""
    found = measured(["Yes"] * 5, ["Yes", None, None, None, None], ("Yes", "No"))
    assert found["accuracy"] == 0.2
    assert found["recall_positive"] == 0.2
    assert found["precision_positive"] == 1.0
    assert found["f1_positive"] == pytest.approx(1 / 3)
    assert found["parse_rate"] == 0.2


def test_statistics_of_many_sums_at_once_are_those_of_each() -> None:
    random = np.random.default_rng(3)
    found = measure(classified([LABELS[i] for i in random.integers(0, 3, 40)], [*LABELS, None] * 10, labels=LABELS))
    sums = random.integers(0, 9, (20, found.columns_NK.shape[1])).astype(float)
    for one in found.measures:
        together = one.statistic(sums)
        assert together == pytest.approx([float(one.statistic(line)) for line in sums], nan_ok=True)

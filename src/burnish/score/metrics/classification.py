"""Measure classification: accuracy, macro F1, F1 of the positive class, balanced accuracy, Matthews correlation,
confusion.

An answer that could not be read is wrong and counts as a class of its own that nothing belongs to: it lowers recall,
F1 and correlation, and never precision of another class. All metrics go over all rows. Not covered: probabilities
(AUC, calibration), several labels at once.

Source of the formulas: scikit-learn's definitions with the unread answers as a further predicted label; the
correlation for more than two classes is J. Gorodkin's, Computational Biology and Chemistry 28 (2004).
Legend: C classes; confusion cells are (..., C, C + 1), right class by answered class, the last for unread ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from burnish.records import Task
from burnish.records.evaluation import EvaluatedRow
from burnish.records.summary import ClassMeasures
from burnish.score.answer_text.visible import Extracted
from burnish.score.metrics.measures import CORRECT, PARSED, Judged, Measure, Measured, columns, rate, ratio
from burnish.score.metrics.multiple_choice import LIKELIEST, LIKELIEST_PER_BYTE, have_likelihoods
from burnish.score.statistics.bootstrap import Floats

UNPARSED = "unparsed"
_OfCells = Callable[[Floats], Floats]
_CELLS = 3
"""Column of the first confusion cell."""


def judge_class(task: Task, extracted: Extracted) -> Judged:
    """Judge an answered label or letter: right when it is one of the right ones."""
    return Judged(extracted.answer is not None and extracted.answer in task.answers)


def measure_classes(rows: Sequence[EvaluatedRow], classes: Sequence[str]) -> Measured:
    """Compute the metrics of a classification with labels; the first label is the positive class.

    Its recall goes over the positive rows, its precision over the rows answered so, its F1 over both; where
    there are none they are 0, as in scikit-learn, over 0 rows.
    """
    cells = _table(rows, classes)
    # Columns behind the cells: right and answered are positive (hit), right is, answered is, either is
    right, answered = (cells[:, _CELLS + np.asarray(places)].sum(axis=1) for places in _positive_cells(len(classes)))
    hit = cells[:, _CELLS]
    many = np.column_stack([cells, hit, right, answered, right + answered - hit])
    at = cells.shape[1]
    positive = (
        replace(
            _of_cells("f1_positive", len(classes), lambda cells: np.nan_to_num(_f1(cells)[..., 0])), attempts=at + 3
        ),
        _share("precision_positive", at, at + 2),
        _share("recall_positive", at, at + 1),
        _of_cells("balanced_accuracy", len(classes), _balanced_accuracy),
        _of_cells("mcc", len(classes), _correlation, bounds=(-1.0, 1.0)),
    )
    return Measured(many, (*_shared_measures(len(classes)), *positive, rate("parse_rate", PARSED)))


def measure_choices(rows: Sequence[EvaluatedRow], classes: Sequence[str]) -> Measured:
    """Compute the metrics of multiple choice. Its letters are not classes with a meaning, so fewer metrics make sense.

    Rows with likelihoods add the accuracy of the most likely choice.
    """
    table = _table(rows, classes)
    measures = (*_shared_measures(len(classes)), rate("parse_rate", PARSED))
    if not have_likelihoods(rows):
        return Measured(table, measures)
    scores = (LIKELIEST, LIKELIEST_PER_BYTE)
    # Columns: whether the row has likelihoods, then whether the likeliest choice is right, by each of the scores
    table_of = [[float(LIKELIEST in row.scores), *(row.scores.get(name, 0.0) for name in scores)] for row in rows]
    further, has = columns(table_of, len(scores) + 1), table.shape[1]
    likely = tuple(rate(f"accuracy_{name}", has + place, has) for place, name in enumerate(scores, 1))
    return Measured(np.hstack([table, further]), (*measures, *likely))


def confusion(rows: Sequence[EvaluatedRow], classes: Sequence[str]) -> dict[str, dict[str, int]]:
    """Count rows by right class and by answered class or ``unparsed``."""
    cells = _cells(_table(rows, classes).sum(axis=0), len(classes))
    answered = (*classes, UNPARSED)
    return {
        right: {name: int(count) for name, count in zip(answered, line, strict=True)}
        for right, line in zip(classes, cells, strict=True)
    }


def per_class(rows: Sequence[EvaluatedRow], classes: Sequence[str]) -> dict[str, ClassMeasures]:
    """Compute precision, recall, F1 and support of each class."""
    cells = _cells(_table(rows, classes).sum(axis=0), len(classes))
    measured = [np.nan_to_num(metric(cells)) for metric in (_precision, _recall, _f1)]
    return {
        label: ClassMeasures(
            precision=float(measured[0][place]),
            recall=float(measured[1][place]),
            f1=float(measured[2][place]),
            support=int(cells[place].sum()),
        )
        for place, label in enumerate(classes)
    }


def _positive_cells(count: int) -> tuple[list[int], list[int]]:
    """Return the indices of cells whose right class, and of those whose answered class, is the first of ``count``."""
    return list(range(count + 1)), [right * (count + 1) for right in range(count)]


def _share(name: str, column: int, attempts: int) -> Measure:
    """Build a rate that is 0 where nothing was attempted."""
    return replace(
        rate(name, column, attempts),
        statistic=lambda sums: np.nan_to_num(ratio(sums[..., column], sums[..., attempts])),
    )


def _shared_measures(count: int) -> tuple[Measure, ...]:
    return rate("accuracy", CORRECT), _of_cells("macro_f1", count, _macro_f1)


def _table(rows: Sequence[EvaluatedRow], classes: Sequence[str]) -> Floats:
    places = {label: place for place, label in enumerate(classes)}
    width = len(classes) + 1
    table = []
    for row in rows:
        cells = [0.0] * (len(classes) * width)
        # With several right answers, a right row counts as the given one, a wrong row as the first.
        right = row.extracted if row.correct and row.extracted is not None else row.expected[0]
        answered = places[row.extracted] if row.extracted is not None else len(classes)
        cells[places[right] * width + answered] = 1.0
        table.append([1.0, float(row.extracted is not None), float(bool(row.correct)), *cells])
    return columns(table, _CELLS + len(classes) * width)


def _cells(sums: Floats, count: int) -> Floats:
    return sums[..., _CELLS : _CELLS + count * (count + 1)].reshape(*sums.shape[:-1], count, count + 1)


def _of_cells(name: str, count: int, function: _OfCells, bounds: tuple[float, float] = (0.0, 1.0)) -> Measure:
    return Measure(name, lambda sums: function(_cells(sums, count)), bounds)


def _hits(cells: Floats) -> Floats:
    return np.diagonal(cells, axis1=-2, axis2=-1)


def _precision(cells: Floats) -> Floats:
    return ratio(_hits(cells), cells[..., :-1].sum(axis=-2))


def _recall(cells: Floats) -> Floats:
    return ratio(_hits(cells), cells.sum(axis=-1))


def _f1(cells: Floats) -> Floats:
    """Compute 2tp / (2tp + fp + fn) per class; nan for a class that neither was right nor was answered."""
    return ratio(2 * _hits(cells), cells[..., :-1].sum(axis=-2) + cells.sum(axis=-1))


def _macro_f1(cells: Floats) -> Floats:
    """Average F1 over the classes that were right or answered at least once."""
    return _mean_defined(_f1(cells))


def _balanced_accuracy(cells: Floats) -> Floats:
    """Average recall over the classes that were right at least once."""
    return _mean_defined(_recall(cells))


def _mean_defined(values: Floats) -> Floats:
    defined = np.isfinite(values)
    return ratio(np.where(defined, values, 0.0).sum(axis=-1), defined.sum(axis=-1).astype(np.float64))


def _correlation(cells: Floats) -> Floats:
    """Compute the Matthews correlation; 0 when all answers, or all right classes, are the same."""
    right, answered = cells.sum(axis=-1), cells.sum(axis=-2)
    total = right.sum(axis=-1)
    hits = _hits(cells).sum(axis=-1)
    over = hits * total - (right * answered[..., :-1]).sum(axis=-1)
    under = np.sqrt((total**2 - (right**2).sum(axis=-1)) * (total**2 - (answered**2).sum(axis=-1)))
    return np.nan_to_num(ratio(over, under))

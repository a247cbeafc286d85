r"""GSM8K, OpenMathInstruct-2 and MATH-500: problems with a final answer in ``\boxed{}``.

Answers are text and stay so, whatever a table reader makes of a column of numbers: ``1008`` never becomes ``1008.0``.
A plain decimal number, without separators of thousands, is judged as a number (kind ``numeric``); another answer as
text (kind ``text``), or is left out where a builder takes numbers alone.
"""

from __future__ import annotations

import re

from burnish.data.builders.questions import QuestionSet, boxed, prompt
from burnish.data.builders.rows import LeftOut, Row, text_of
from burnish.data.sources.raw import BadRow
from burnish.records import Task

SYSTEM = "You solve mathematical problems step by step. Put the final answer, and nothing else, in \\boxed{}."
_FINAL = "####"
_CALCULATOR = re.compile(r"<<[^<>]*>>")
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(\D|$))")


def gsm8k_task(row: Row, task_id: str) -> Task:
    """Build a task from a row of GSM8K: ``question``, and ``answer`` with the steps, then ``####`` and the number.

    The calculator's notes (``<<48/2=24>>``) are taken out of the steps.
    """
    steps, mark, final = text_of(row, "answer").rpartition(_FINAL)
    answer = _plain(final)
    if not mark or not _NUMBER.fullmatch(answer):
        raise BadRow(f"'answer' does not end in {_FINAL} and a number")
    solution = _CALCULATOR.sub("", steps).strip()
    return _task(task_id, text_of(row, "question"), f"{solution}\n{boxed(answer)}", answer, family=task_id)


def open_math_task(row: Row, task_id: str) -> Task:
    """Build a task from a row of OpenMathInstruct-2: ``problem``, ``generated_solution``, ``expected_answer``.

    Left out are answers that are no plain number, and solutions that end in another answer.
    """
    answer = _plain(text_of(row, "expected_answer"))
    if not _NUMBER.fullmatch(answer):
        raise LeftOut("the answer is not a plain number")
    solution = text_of(row, "generated_solution").strip()
    if "\\boxed" not in solution:
        solution = f"{solution}\n{boxed(answer)}"
    elif _plain(_last_boxed(solution)) != answer:
        raise LeftOut("the solution ends in another answer")
    return _task(task_id, text_of(row, "problem"), solution, answer, family=task_id)


def math500_task(row: Row, task_id: str) -> Task:
    """Build a task from a row of MATH-500: ``problem``, ``solution``, ``answer``, ``subject``. Answers may be LaTeX,
    compared as text."""
    answer = text_of(row, "answer").strip()
    solution = text_of(row, "solution").strip()
    if "\\boxed" not in solution:
        solution = f"{solution}\n{boxed(answer)}"
    plain = _plain(answer)
    answer = plain if _NUMBER.fullmatch(plain) else answer
    return _task(task_id, text_of(row, "problem"), solution, answer, family=f"math:{text_of(row, 'subject')}")


def _task(task_id: str, problem: str, solution: str, answer: str, *, family: str) -> Task:
    return Task(
        id=task_id,
        kind="numeric" if _NUMBER.fullmatch(answer) else "text",
        family=family,
        prompt=prompt(SYSTEM, problem),
        answers=(answer,),
        reference=solution,
    )


def _plain(number: str) -> str:
    """Normalise a number without currency, grouping and full stop: ``$70,000.`` -> ``70000``; other text as it is."""
    plain = _THOUSANDS.sub("", number.strip().strip("$").replace("\\!", "").replace("{,}", ",")).strip()
    return plain.removesuffix(".") if plain.endswith(".") and plain.count(".") == 1 else plain


def _last_boxed(text: str) -> str:
    r"""Return the content of the last ``\boxed{}``, with balanced braces."""
    start = text.rindex("\\boxed") + len("\\boxed")
    depth = 0
    for place in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[start + 1 : place]
    return text[start + 1 :]


GSM8K = QuestionSet("gsm8k", "MIT", gsm8k_task)
OPEN_MATH = QuestionSet("openmath", "CC-BY-4.0", open_math_task)
MATH500 = QuestionSet("math500", "MIT", math500_task)

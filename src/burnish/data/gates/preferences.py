"""Check judged answers, after the gates of all training rows (`data.gates.rows`).

1. Chosen and rejected differ, in what is trained and not just in white space at the ends.
2. No answer to a prompt is judged both ways.
3. Single answers are not all good or all bad.
4. Chosen and rejected follow the same prompt, token by token.

Not covered: whether a judgement is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from burnish.data.encode.encoded import IGNORED
from burnish.data.encode.preferences import EncodedJudgement, JudgedRow
from burnish.data.gates.row_sets import SHOWN
from burnish.errors import GateError
from burnish.wording import counted


def check_preferences(rows: Sequence[JudgedRow], encoded: Sequence[EncodedJudgement]) -> None:
    """Check all gates; raise GateError with the first offending row."""
    for row in rows:
        _check_differs(row)
    _check_contradictions(rows)
    single = [row for row in rows if len(row.answers) == 1]
    if single and len({row.good for row in single}) == 1:
        raise GateError(
            f"all {counted(len(single), 'answer is', 'answers are')} labelled "
            f"{'good' if single[0].good else 'bad'}: training needs both labels.",
            "Add answers with the other label, or train on the good ones with an sft stage.",
        )
    for judged in encoded:
        _check_same_prompt(judged)


def _check_differs(row: JudgedRow) -> None:
    if len({answer.strip() for answer in row.answers}) < len(row.answers):
        raise GateError(
            f"row {row.id} has the same answer as chosen and as rejected: {row.answers[0][:SHOWN]!r}.",
            "Remove the row: it says nothing about what is better.",
        )


def _check_contradictions(rows: Sequence[JudgedRow]) -> None:
    seen: dict[tuple[object, ...], str] = {}
    for row in rows:
        prompt = tuple((turn.role, turn.content) for turn in row.prompt)
        single = len(row.answers) == 1
        judgement: tuple[object, ...] = (prompt, row.answers, row.good)
        opposite: tuple[object, ...] = (
            (prompt, row.answers, not row.good) if single else (prompt, row.answers[::-1], True)
        )
        if opposite in seen:
            raise GateError(
                f"rows {seen[opposite]} and {row.id} judge the same answers the other way round; the first of them "
                f"reads {row.answers[0][:SHOWN]!r}.",
                "Keep the judgement that holds, and remove the other.",
            )
        seen.setdefault(judgement, row.id)


def _check_same_prompt(judged: EncodedJudgement) -> None:
    prompts = {
        tuple(
            token
            for token, _ in takewhile(
                lambda pair: pair[1] == IGNORED, zip(answer.input_ids, answer.labels, strict=True)
            )
        )
        for answer in judged.answers
    }
    if len(prompts) > 1:
        raise GateError(
            f"row {judged.id} has other tokens before its chosen answer than before its rejected one: the first "
            "characters of an answer join the prompt's last token.",
            "Let the chat template end its generation prompt in a special token or a line break, or remove white space "
            "from the begin of the answers.",
        )

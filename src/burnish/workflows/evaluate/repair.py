"""Let a model repair failed Rust, given the compiler's messages or the number of passed tests.

Each turn has a folder (``turn_1``, ...) beside the first answers, with tasks, completions, verdicts and rows; an
interrupted turn continues. Left out on purpose: the repair prompt (`data.tasks.repair_prompt`), tasks of other kinds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from burnish.data.tasks.repair_prompt import repair_message
from burnish.protocols import Generator
from burnish.records import Completion, Message, Task
from burnish.records.files import write_records
from burnish.records.layout import COMPLETIONS, TASKS
from burnish.records.summary import RepairTurn
from burnish.score.summaries.repair import Key, repair_turns
from burnish.verify import Verifier
from burnish.workflows.answer.completions import answer_tasks
from burnish.workflows.evaluate.score import Judgement, judge_answers


def repair(
    open_generator: Callable[[], Generator],
    verifier: Verifier,
    tasks: Sequence[Task],
    completions: Sequence[Completion],
    judgement: Judgement,
    *,
    turns: int,
    folder: Path,
    tolerance: float,
) -> list[RepairTurn]:
    """Return the results after each turn; the first answers are turn 0.

    Args:
        open_generator: opens a generator with one sample per task; called only if an answer failed.
        completions: the first answers.
        judgement: judgement of the first answers.
        turns: most repair turns; they end when no answer fails.
    """
    by_id = {task.id: task for task in tasks}
    rust = [completion for completion in completions if by_id[completion.task_id].kind == "rust"]
    keys = [(completion.task_id, completion.sample_index) for completion in rust]
    answers = dict(zip(keys, rust, strict=True))
    verdicts = dict(zip(keys, judgement.verdicts, strict=True))
    talks: dict[Key, tuple[Message, ...]] = {key: by_id[key[0]].prompt for key in keys}
    later = []
    for turn in range(1, turns + 1):
        failing = [key for key in keys if key in verdicts and verdicts[key].status == "fail"]
        if not failing:
            break
        for key in failing:
            failed = Message(role="assistant", content=answers[key].text)
            talks[key] = (*talks[key], failed, repair_message(verdicts[key]))
        turn_tasks = [
            by_id[task_id].model_copy(
                update={"id": f"{task_id}/sample {sample}/turn {turn}", "prompt": talks[task_id, sample]}
            )
            for task_id, sample in failing
        ]
        turn_folder = folder / f"turn_{turn}"
        write_records(turn_folder / TASKS, turn_tasks)
        written = answer_tasks(open_generator(), turn_tasks, turn_folder / COMPLETIONS, samples=1)
        write_records(turn_folder / COMPLETIONS, written)
        judged = judge_answers(verifier, turn_tasks, written, tolerance=tolerance)
        judged.write(turn_folder)
        answers = dict(zip(failing, written, strict=True))
        verdicts = dict(zip(failing, judged.verdicts, strict=True))
        later.append(list(zip(failing, judged.rows, strict=True)))
    return repair_turns(judgement.rows, later)

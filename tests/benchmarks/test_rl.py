"""The benchmark of GRPO splits the same steps in every way; how long they take is for it to say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.cargo_reward import CargoCalls, SerialReward
from benchmarks.rl import COLD, SERIAL, WARM, Split, goals, measure, stage_of, table

from burnish.data.rust_tasks.build import build_rust_tasks
from burnish.records import Completion, Score, ValueTests, Verdict
from burnish.train.grpo.rollouts import Answer
from tests.train.small_grpo import judge_by

SMALL = {
    "num_generations": 2,
    "generation_batch_size": 8,
    "effective_batch": 8,
    "micro_batch": 8,
    "decode_batch": 4,
    "max_completion_length": 64,
}


def split(completions: int, generate: float, stall: float, update: float) -> Split:
    return Split(completions, generate, 2.0, stall, update, 0, "")


def test_shares_are_of_the_whole_step_and_cold_is_compared_with_warm_per_completion() -> None:
    found = {COLD: split(10, 6.0, 1.0, 3.0), WARM: split(5, 3.0, 0.0, 1.0), SERIAL: split(5, 3.0, 12.0, 1.0)}
    assert {goal.name: (goal.value, goal.met) for goal in goals(found)} == {
        "verification_share": (0.1, True),
        "verification_share_warm": (0.0, True),
        "verification_share_serial_cargo": (0.75, True),
        "step_time_cold_over_warm": (1.25, True),
    }
    assert not goals(found | {COLD: split(10, 6.0, 2.0, 3.0)})[0].met
    assert "| serial cargo calls | 5 | 60.00 | 40.00 | 240.00 | 20.00 | 1.7 | 2.5 | 75.0% |" in table(found)


def test_serial_calls_of_cargo_train_on_the_same_answers(tmp_path: Path) -> None:
    stage = stage_of(1, SMALL)
    cold, warm, serial = (measure(way, stage, 12, tmp_path) for way in (COLD, WARM, SERIAL))
    assert cold.completions == serial.completions == 8
    assert cold.first_answers == warm.first_answers == serial.first_answers
    assert cold.cached < warm.cached == serial.cached
    assert serial.agreed == 1


def test_cargo_says_of_programs_in_the_sandbox_what_is_right_and_what_is_not() -> None:
    tasks, _ = build_rust_tasks(train=1, held_out=0, cases=2, seed=0)
    code = tasks[0].reference or ""
    with CargoCalls() as cargo:
        assert cargo.passes(tasks[0], code)
        assert not cargo.passes(tasks[0], code + "\npub fn spoiled() -> u32 { unknown(3) }\n")
        assert isinstance(tasks[0].tests, ValueTests)
        case = tasks[0].tests.cases[0].model_copy(update={"expected": "another value"})
        assert not cargo.passes(tasks[0].model_copy(update={"tests": ValueTests(cases=(case,))}), code)


def test_serial_judging_waits_until_the_whole_batch_is_written() -> None:
    order: list[str] = []

    def write(_: Any, prompts: Sequence[Sequence[int]], __: int) -> Iterator[tuple[int, Answer]]:
        for place in range(len(prompts)):
            order.append("written")
            yield place, Answer([1], "no code", True, None)

    def judge(pairs: Sequence[tuple[int, Completion]]) -> list[tuple[Verdict, Score]]:
        order.append("judged")
        return judge_by(lambda *_: 0.0)(pairs)

    tasks, _ = build_rust_tasks(train=1, held_out=0, cases=2, seed=0)
    with CargoCalls() as cargo, ThreadPoolExecutor(1) as thread:
        serial = SerialReward(cargo, tasks, write, judge, 2)
        for _ in range(2):
            found = thread.submit(serial.judge, [(0, Completion(task_id="t", text="no code"))] * 2)
            for _ in range(2):
                list(serial.write(None, [[1]], 0))
            found.result(30)
    assert order == ["written", "written", "judged"] * 2
    assert (serial.completions, serial.agreed) == (4, 4)

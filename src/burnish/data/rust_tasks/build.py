"""Draw tasks from all families and split them by combination of parts, so that held-out means unseen.

A combination is always held out, by its digest and not by any seed: no training set and
no pretraining corpus of any run holds one of them, in whatever wording, with whatever constants. Two kinds of the
advanced tasks are held out whole (`advanced.families`).
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from burnish.config.tasks import Difficulty
from burnish.data.rust_tasks.advanced.families import ADVANCED, UNSEEN, UNSEEN_PREFIX, UNSEEN_SHARE, Family
from burnish.data.rust_tasks.draft import Draft
from burnish.data.rust_tasks.loops import draw_range, draw_steps
from burnish.data.rust_tasks.parsing import draw_parsing
from burnish.data.rust_tasks.programs import draw_program
from burnish.data.rust_tasks.search import draw_aggregate_pair, draw_search
from burnish.data.rust_tasks.slices import draw_slice_check, draw_slice_pipeline
from burnish.data.rust_tasks.texts import draw_characters, draw_words
from burnish.data.rust_tasks.types import draw_struct, draw_trait
from burnish.data.rust_tasks.wording import instruction
from burnish.errors import ConfigError
from burnish.fsio import digest_bytes
from burnish.records import Message, Task, ValueCase, ValueTests

FAMILIES: tuple[Family, ...] = (
    (draw_slice_pipeline, 0.24),
    (draw_slice_check, 0.08),
    (draw_search, 0.10),
    (draw_aggregate_pair, 0.06),
    (draw_characters, 0.12),
    (draw_words, 0.10),
    (draw_range, 0.10),
    (draw_steps, 0.08),
    (draw_parsing, 0.04),
    (draw_struct, 0.04),
    (draw_trait, 0.02),
    (draw_program, 0.02),
)
HELD_OUT_SHARE = 0.2
ORIGIN = "burnish rust tasks 2"
RARE_DRAWS = 200
"""Most cases drawn for a second expected value."""


def is_held_out(combination: str) -> bool:
    """Return whether a combination of parts is held out for evaluation."""
    by_digest = int(digest_bytes(combination.encode())[:8], 16) < HELD_OUT_SHARE * 2**32
    return by_digest or combination.startswith(UNSEEN_PREFIX)


def families_of(difficulty: Difficulty, *, held_out: bool) -> tuple[Family, ...]:
    """Return the families to draw from with their weights; drafts of the other side of the split are drawn again."""
    if difficulty == "core":
        return FAMILIES
    # Of a kind to learn only a fifth of the draws is held out, of an unseen kind every one.
    weight = HELD_OUT_SHARE * UNSEEN_SHARE / (1 - UNSEEN_SHARE)
    unseen = tuple((draw, share * weight) for draw, share in UNSEEN) if held_out else ()
    return (*ADVANCED, *unseen) if difficulty == "advanced" else (*FAMILIES, *ADVANCED, *unseen)


def draw_drafts(rng: random.Random, *, held_out: bool, difficulty: Difficulty = "core") -> Iterator[Draft]:
    """Yield endless drafts from one side of the split, with the families' shares."""
    families = families_of(difficulty, held_out=held_out)
    draws, shares = [family for family, _ in families], [share for _, share in families]
    while True:
        draft = rng.choices(draws, shares)[0](rng)
        if is_held_out(draft.combination) == held_out:
            yield draft


def build_rust_tasks(
    *, train: int, held_out: int, cases: int, seed: int, difficulty: Difficulty = "core"
) -> tuple[tuple[Task, ...], tuple[Task, ...]]:
    """Build training and held-out tasks; no prompt appears twice.

    Raises ConfigError when there are not enough distinct tasks.
    """
    return (
        _build(train, cases, f"{seed}/train", difficulty, held_out=False),
        _build(held_out, cases, f"{seed}/held-out", difficulty, held_out=True),
    )


def _build(count: int, cases: int, seed: str, difficulty: Difficulty, *, held_out: bool) -> tuple[Task, ...]:
    rng = random.Random(seed)
    tasks: dict[str, Task] = {}
    drafts = draw_drafts(rng, held_out=held_out, difficulty=difficulty)
    side = ("" if difficulty == "core" else f"{difficulty}-") + ("held-out" if held_out else "train")
    for _ in range(20 * count + 1000):
        if len(tasks) == count:
            return tuple(tasks.values())
        draft = next(drafts)
        prompt = instruction(draft, rng)
        drawn = _draw_cases(draft, cases, rng)
        if prompt not in tasks and drawn is not None:
            tasks[prompt] = _task(
                f"rust-{side}-{len(tasks):05d}", draft, prompt, (*drawn, *_helper_cases(draft, cases, rng))
            )
    raise ConfigError(
        f"only {len(tasks)} distinct {'held-out' if held_out else 'training'} tasks can be composed, not {count}",
        "Ask for fewer: data.tasks.train and data.tasks.held_out set the numbers.",
    )


def _draw_cases(draft: Draft, count: int, rng: random.Random) -> tuple[ValueCase, ...] | None:
    """Draw hidden tests with at least two expected values, so that no constant passes; None if the draft has one
    value."""
    drawn = {case.call: case for case in (draft.draw_case(rng) for _ in range(3 * count))}
    cases = tuple(drawn.values())[:count]
    if count < 2 or len({case.expected for case in cases}) > 1:
        return cases
    others = (draft.draw_case(rng) for _ in range(RARE_DRAWS))
    other = next((case for case in others if case.expected != cases[0].expected), None)
    return None if other is None else (*cases[:-1], other)


def _helper_cases(draft: Draft, count: int, rng: random.Random) -> tuple[ValueCase, ...]:
    """Draw a quarter as many tests of another public item; none if the draft has no such item."""
    if draft.helper_case is None:
        return ()
    drawn = {case.call: case for case in (draft.helper_case(rng) for _ in range(max(1, count // 4)))}
    return tuple(drawn.values())


def _task(task_id: str, draft: Draft, prompt: str, cases: tuple[ValueCase, ...]) -> Task:
    return Task(
        id=task_id,
        family=draft.combination,
        level=draft.level,
        prompt=(Message(role="user", content=prompt),),
        entry_point=draft.entry_point,
        tests=ValueTests(cases=cases),
        reference=draft.code,
        licence="MIT",
        origin=ORIGIN,
    )

"""Where the time of a GRPO step goes, and how much of it is waiting for verdicts.

    python -m benchmarks.rl [--steps N] [--serial-steps N] [--prompts N] [--json FILE]

The grpo stage of recipes/quickstart.yaml trains the embedded model on the CPU, from the same prompts and seeds in every
way, each in a process of its own:

- ours, cold: no verdict is known;
- ours, warm: the same again, every verdict in the cache;
- serial cargo calls: `cargo check`, `cargo clippy` and `cargo test` per completion (see `benchmarks.cargo_reward`).

All learn from the same verdicts, so all write the same; that is checked. A step is generating, waiting for verdicts
and the update; logs and checkpoints are left out. Seconds of verifying run beside those of generating. Seconds are by
the clock: on a machine that is busy otherwise they say little. A model this small writes a program in milliseconds, so
verdicts are dear beside it; a larger one leaves more time to verify in. Not covered: GPUs, larger models.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.cargo_reward import CargoCalls, SerialReward
from benchmarks.goals import Goal, report
from burnish.config.load import load_config
from burnish.config.model import ModelConfig
from burnish.config.stages.kinds.grpo import GrpoStage
from burnish.config.stages.recipe import Recipe
from burnish.config.verify import VerifyConfig
from burnish.data.rust_tasks.build import build_rust_tasks
from burnish.fsio import digest_bytes
from burnish.model.folders import NANO
from burnish.model.source import load_tokenizer
from burnish.records import Rollout
from burnish.records.files import read_records
from burnish.records.layout import ROLLOUTS
from burnish.score.rewards.evidence import constant_share
from burnish.train.grpo.run import run_grpo
from burnish.train.job import TrainingJob
from burnish.verify import Verifier
from burnish.verify.serve.reward import VerifierReward
from burnish.workflows.train.grpo import judge_of, prompts_of, writer

QUICKSTART = Path(__file__).parents[1] / "recipes" / "quickstart.yaml"
COLD, WARM, SERIAL = "ours, cold", "ours, warm", "serial cargo calls"
UPDATE = ("data", "forward_backward", "optimizer")
CACHE = "verdicts.sqlite"


@dataclass(frozen=True)
class Split:
    """Seconds of all steps of one way."""

    completions: int
    generate_s: float
    verify_s: float
    """Beside the others."""
    stall_s: float
    update_s: float
    cached: int
    """Completions whose verdict was known."""
    first_answers: str
    """Digest of what was written before the first update."""
    agreed: float = 1.0
    """Share of completions on whose pass cargo and the verdict agree."""

    @property
    def step_s(self) -> float:
        """Seconds of all steps."""
        return self.generate_s + self.stall_s + self.update_s

    @property
    def stall_share(self) -> float:
        """Share of the step spent waiting for verdicts."""
        return self.stall_s / self.step_s


def stage_of(steps: int, said: Mapping[str, object]) -> GrpoStage:
    """The quickstart's stage with another length, on the base."""
    recipe = load_config(Recipe, QUICKSTART)
    stage = next(stage for stage in recipe.stages if isinstance(stage, GrpoStage))
    return GrpoStage.model_validate(
        stage.model_dump() | {"start_from": "base", "rates_from": None, "max_steps": steps, "log_every": 1} | dict(said)
    )


def measure(way: str, stage: GrpoStage, prompts: int, folder: Path) -> Split:
    """Train one way; ``folder`` holds the verdicts that are known to the next one."""
    drawn, _ = build_rust_tasks(train=prompts, held_out=0, cases=12, seed=0)
    tasks = [task for task in drawn if constant_share(task) < 1]
    tokenizer = load_tokenizer(NANO)
    asked = prompts_of(tasks, tokenizer, NANO)
    rows: list[Mapping[str, float]] = []
    config = VerifyConfig(cache=folder / CACHE)
    serial = None
    with contextlib.ExitStack() as stack:
        verifier = stack.enter_context(Verifier(config))
        reward = stack.enter_context(VerifierReward(config, verifier=verifier))
        write, judge = writer(stage, tokenizer, asked.stop_ids), judge_of(stage, tasks, reward)
        if way == SERIAL:
            batch = stage.completions_per_generation
            serial = SerialReward(stack.enter_context(CargoCalls()), tasks, write, judge, batch)
            write, judge = serial.write, serial.judge
        out = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=folder)))
        run_grpo(
            TrainingJob(
                base=NANO,
                model=ModelConfig(device="cpu"),
                stage=stage,
                out=out,
                seed=0,
                log=lambda _, values: rows.append(dict(values)),
            ),
            asked,
            write,
            judge,
            judged_by="",
        )
        rollouts = list(read_records(Rollout, out / ROLLOUTS))

    def seconds(*phases: str) -> float:
        return sum(row.get(f"seconds_{phase}", 0.0) for row in rows for phase in phases)

    return Split(
        completions=len(rollouts),
        generate_s=seconds("generate"),
        verify_s=seconds("verify"),
        stall_s=seconds("verifier_stall"),
        update_s=seconds(*UPDATE),
        cached=sum(rollout.verdict is not None and rollout.verdict.cached for rollout in rollouts),
        first_answers=digest_bytes(
            "\0".join(rollout.completion.text for rollout in rollouts if rollout.step == 0).encode()
        ),
        agreed=1.0 if serial is None else serial.agreed / serial.completions,
    )


def measured(way: str, steps: int, options: argparse.Namespace, folder: Path) -> Split:
    """One way, in a new process; CalledProcessError when it fails."""
    words = ["--only", way, "--folder", str(folder), "--steps", str(steps), "--prompts", str(options.prompts)]
    command = [sys.executable, "-m", "benchmarks.rl", *words, "--stage", options.stage]
    ended = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return Split(**json.loads(ended.stdout.splitlines()[-1]))


def table(found: Mapping[str, Split]) -> str:
    """Markdown: seconds per 100 completions, rates, and the share of the step that waits for verdicts."""
    lines = [
        "| way | completions | generate s | verify s | stall s | update s | generations/s | verdicts/s | stall share |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, one in found.items():
        seconds = (one.generate_s, one.verify_s, one.stall_s, one.update_s)
        rates = (one.completions / one.generate_s, one.completions / one.verify_s)
        cells = [f"{100 * s / one.completions:.2f}" for s in seconds] + [f"{rate:.1f}" for rate in rates]
        lines.append(f"| {name} | {one.completions} | {' | '.join(cells)} | {one.stall_share:.1%} |")
    return "\n".join(lines)


def goals(found: Mapping[str, Split]) -> list[Goal]:
    """The share that waits, cold; beside it what it is warm and with serial calls, and what all of verifying adds."""
    cold, warm, serial = (found[name] for name in (COLD, WARM, SERIAL))
    ratio = cold.step_s / cold.completions / (warm.step_s / warm.completions)
    return [
        Goal("verification_share", cold.stall_share, "<= 0.1", cold.stall_share <= 0.1),
        Goal("verification_share_warm", warm.stall_share, "shown", True),
        Goal("verification_share_serial_cargo", serial.stall_share, "shown", True),
        Goal("step_time_cold_over_warm", ratio, "shown", True),
    ]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=16, help="optimiser steps of our two ways")
    parser.add_argument("--serial-steps", type=int, default=4, help="optimiser steps with serial cargo calls")
    parser.add_argument("--prompts", type=int, default=400, help="training tasks")
    parser.add_argument("--stage", default="{}", help="settings of the grpo stage, as JSON")
    parser.add_argument("--json", type=Path, default=None)
    parser.add_argument("--only", choices=(COLD, WARM, SERIAL), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.only is not None:
        stage = stage_of(options.steps, json.loads(options.stage))
        print(json.dumps(asdict(measure(options.only, stage, options.prompts, options.folder))))
        return
    with tempfile.TemporaryDirectory() as temporary:
        ways = {COLD: options.steps, WARM: options.steps, SERIAL: options.serial_steps}
        found = {way: measured(way, steps, options, Path(temporary)) for way, steps in ways.items()}
    if len({one.first_answers for one in found.values()}) > 1:
        raise RuntimeError("the ways wrote different answers before the first update: their seconds cannot be compared")
    print("seconds per 100 completions, by the clock\n\n" + table(found), end="\n\n")
    serial = found[SERIAL]
    print(f"cargo and the verdict agree on {serial.agreed:.1%} of {serial.completions} completions", end="\n\n")
    report(goals(found), options.json)


if __name__ == "__main__":
    main()

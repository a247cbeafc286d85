"""Configure reward shapes and their weights, and the verbs ``reward replay|attack``.

Not covered: the formulas (`score.rewards.score_verdict` calls one file per shape).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from burnish.config.base import BY_KIND, Config
from burnish.config.tasks import TasksConfig
from burnish.config.verify import VerifyConfig


class Graded(Config):
    """Settings of shapes that reward passing a part of the tests."""

    partial_rust_tests: bool = False
    """Give partial credit per ``#[test]`` function. When off, tests in Rust count only if all pass: the share that a
    constant answer passes is unknown, so partial credit would pay constants."""


class DenseReward(Graded):
    """Compilation, share of the hidden tests, and on a pass small terms for lints and documentation."""

    kind: Literal["dense"] = "dense"
    compile: float = Field(0.2, ge=0)
    """Weight of compiling, with tests that compile and run."""
    tests: float = Field(0.7, gt=0)
    """Weight of passing all tests; a part counts for its excess over a constant answer."""
    lints: float = Field(0.06, ge=0)
    """Weight of passing without a lint; falls to 0 at ``lint_limit`` lints."""
    lint_limit: int = Field(3, ge=1)
    documentation: float = Field(0.04, ge=0)
    """Weight of passing with all public items documented."""

    @model_validator(mode="after")
    def _tests_lead(self) -> DenseReward:
        if self.tests < self.compile:
            raise ValueError(
                "tests must weigh at least as much as compile, or an answer that only compiles scores close to a pass"
            )
        return self


class SparseReward(Config):
    """Reward 1 for a pass, otherwise 0."""

    kind: Literal["sparse"] = "sparse"


class LadderReward(Config):
    """Reward each phase that is reached; a pass is 1."""

    kind: Literal["ladder"] = "ladder"
    parse: float = Field(0.1, ge=0)
    """Reward for code with a syntax error."""
    check: float = Field(0.2, ge=0)
    """Reward for code that parses but does not compile."""
    build: float = Field(0.3, ge=0)
    """Reward for code that compiles but cannot be built with its tests."""
    test: float = Field(0.4, ge=0, le=0.5)
    """Reward for code whose tests run and fail."""

    @model_validator(mode="after")
    def _climbs(self) -> LadderReward:
        if not self.parse <= self.check <= self.build <= self.test:
            raise ValueError("a later phase must not be worth less than an earlier one: parse, check, build, test")
        return self


class SystemAReward(Graded):
    """Weigh quality as in rejection-sampling fine-tuning: 0.4 lints, 0.4 idiom, 0.2 documentation, after the tests."""

    kind: Literal["system_a"] = "system_a"
    tests: float = Field(0.5, ge=0.5, le=1)
    """Share of the reward that the tests decide; the rest is quality, and only for a pass."""
    lints: float = Field(0.4, ge=0)
    idiom: float = Field(0.4, ge=0)
    documentation: float = Field(0.2, ge=0)
    lint_limit: float = Field(2.0, ge=0)
    """Most lints with partial credit; one more gives 0."""

    @model_validator(mode="after")
    def _weighs_something(self) -> SystemAReward:
        if self.lints + self.idiom + self.documentation <= 0:
            raise ValueError("at least one of lints, idiom and documentation must be above 0")
        return self


class SystemBReward(Graded):
    """Score compiler and syntax points as published for a small Rust model, corrected."""

    kind: Literal["system_b"] = "system_b"
    floor: float = Field(-20.0, le=0)
    """Reward for no code or code that does not fit its task, and the lower bound for errors."""
    compile: float = Field(10.0, ge=0)
    no_errors: float = Field(5.0, ge=0)
    parse: float = Field(8.0, ge=0)
    no_warnings: float = Field(1.0, ge=0)
    structure: float = Field(2.0, ge=0)
    quality: float = Field(3.0, ge=0)
    idiom: float = Field(2.0, ge=0)
    complexity: float = Field(-0.5, le=0)
    panics: float = Field(-2.0, le=0)
    """Points per call that can panic, inside ``quality``: ``unwrap`` and ``expect`` as methods, ``panic!`` and its
    kin."""
    unsafe_code: float = Field(-1.0, le=0)
    """Points for any ``unsafe``, inside ``quality``."""
    documentation: float = Field(1.0, ge=0)
    """Points for any documentation, inside ``quality``; the documented share is added."""
    max_complexity: float = Field(10.0, gt=0)
    """Cyclomatic complexity of a function from which ``complexity`` counts."""

    @model_validator(mode="after")
    def _passes_lead(self) -> SystemBReward:
        base = self.compile + self.no_errors + self.parse
        if base <= 0 or base < -self.floor:
            raise ValueError(
                "compile, no_errors and parse together must be above 0, and at least as large as floor in magnitude"
            )
        return self


RewardConfig = Annotated[
    DenseReward | SparseReward | LadderReward | SystemAReward | SystemBReward,
    Field(discriminator="kind"),
    BY_KIND,
]

ALL_SHAPES: tuple[RewardConfig, ...] = (
    DenseReward(),
    SparseReward(),
    LadderReward(),
    SystemAReward(),
    SystemBReward(),
)
"""Every shape with its default weights."""


class RewardAttackConfig(Config):
    """``burnish reward attack --config FILE --set key=value``."""

    shapes: tuple[RewardConfig, ...] = Field(ALL_SHAPES, min_length=1)
    """Shapes to attack, by name or with weights."""
    verify: VerifyConfig = VerifyConfig()


class RewardReplayConfig(Config):
    """``burnish reward replay RUN|FILE --config FILE --set key=value``."""

    shapes: tuple[RewardConfig, ...] = Field(ALL_SHAPES, min_length=1)
    """Shapes to score by, by name or with weights."""
    tasks: TasksConfig | None = None
    """Task set of the answers; None finds it in the run that contains the file."""
    seed: int = Field(0, ge=0)
    """Seed of that task set."""
    verify: VerifyConfig | None = None
    """Verifier; None uses the run's own with its cache."""
    top: int = Field(3, ge=0)
    """Wrong programs to show per shape, highest reward first."""

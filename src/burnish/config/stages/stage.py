"""Define the settings that every stage of a recipe has.

Not covered: the stages themselves (`config.stages.recipe` combines them)."""

from __future__ import annotations

from pydantic import Field

from burnish.config.base import Config

STAGE_NAME = r"^[a-z0-9][a-z0-9-]*$"


class Stage(Config):
    """Settings that every stage has."""

    name: str = Field(pattern=STAGE_NAME)
    """Names the stage's folder in the run, and the stage in ``--set stages.NAME.key=value``."""

"""The strict base of everything a user may say: unknown keys are errors, values are never coerced silently."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Config(BaseModel):
    """Frozen, refuses unknown keys; a docstring under each field documents it in the reference."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        allow_inf_nan=False,
    )

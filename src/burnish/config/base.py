"""The strict base of everything a user may say: unknown keys are errors, values are never coerced silently."""

from __future__ import annotations

from pydantic import BaseModel, BeforeValidator, ConfigDict

LISTED = BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)
"""For tuples inside what has a validator of its own that comes before: there strict mode meets YAML's lists as lists,
and would refuse them."""


class Config(BaseModel):
    """Frozen, refuses unknown keys; a docstring under each field documents it in the reference."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        allow_inf_nan=False,
    )

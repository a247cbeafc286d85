"""Define the strict base of all configuration: unknown keys are errors, values are never coerced."""

from __future__ import annotations

from pydantic import BaseModel, BeforeValidator, ConfigDict

LISTED = BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)
"""Turns off strictness for tuples behind a `before` validator: strict mode would refuse YAML's lists there."""
BY_KIND = BeforeValidator(lambda value: {"kind": value} if isinstance(value, str) else value)
"""Reads a word as a variant of that kind, with its defaults."""


class Config(BaseModel):
    """Base of configurations: frozen, refuses unknown keys, documents fields by docstrings."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        allow_inf_nan=False,
    )


class PlacedError(ValueError):
    """A value that does not go with others, with its own place: keys and list numbers below the object checked."""

    def __init__(self, message: str, location: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.location = location


def as_list(words: str) -> str:
    """Write words with commas or spaces between them as a list of YAML."""
    return f"[{', '.join(words.replace(',', ' ').split())}]"

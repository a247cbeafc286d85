"""Describe another system's keys: allowed values, defaults, and their recipe keys.

A key has one of three outcomes: it became recipe keys; it needs none, since burnish always does this or does it
elsewhere; or it is refused, because it had no effect in the other system and importing it would change the training. An
unknown key is an error. Not covered: the recipe itself (each system's module builds it).
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from burnish.config.yaml_source import Location, Source
from burnish.errors import ConfigError

Fate = Literal["became", "needs no key", "refused"]


@dataclass(frozen=True)
class Key:
    """One key of another system; one of ``became``, ``needless`` and ``refused`` is set."""

    type: Any
    """Type of its values, as an annotation."""
    default: Any
    """Its default in the other system."""
    became: tuple[str, ...] = ()
    """Recipe keys that hold its value; list items by ``name`` or ``kind``, ``*`` is any, ``[vera]`` only a mapping of
    that kind."""
    note: str = ""
    """Differences from the other system, besides the new keys."""
    needless: str = ""
    """Why it needs no key here although it had an effect there."""
    refused: str = ""
    """Why it had no effect there, and the recipe key that does it."""
    empty_values: Mapping[Any, str] = field(default_factory=dict)
    """Single values that had no effect there, and why."""


@dataclass(frozen=True)
class KeyFate:
    """The outcome of one key."""

    key: str
    value: Any
    place: str
    """``file:line``; empty for a key that was not set and has the other system's default."""
    fate: Fate
    text: str


@dataclass(frozen=True)
class Settings:
    """The keys of one file."""

    values: Mapping[str, Any]
    """Value by dotted key, defaults filled in; refused keys are not among them."""
    given: Mapping[str, Any]
    """Values that the file sets, by dotted key, including refused keys."""
    places: Mapping[str, str]
    """``file:line`` of each key that the file sets."""
    stray: frozenset[str]
    """Keys written with dots at the top level, which the other system never read."""


REQUIRED = object()
"""Default of a key that must be set."""


def read_settings(source: Source, keys: Mapping[str, Key], system: str) -> Settings:
    """Check the values of ``source`` against ``keys``; ConfigError with the place of the first that is wrong."""
    given: dict[str, Any] = {}
    places: dict[str, str] = {}
    checked: dict[str, Any] = {}
    stray: set[str] = set()
    for location, value in _leaves(source.value, keys):
        name = ".".join(str(part) for part in location)
        place = source.place(location)
        if name not in keys:
            close = difflib.get_close_matches(name, list(keys), n=1)
            heads = dict.fromkeys(known.split(".")[0] for known in keys)
            hint = f"did you mean {close[0]!r}?" if close else f"its keys begin with {', '.join(heads)}"
            raise ConfigError(f"{place}: {system} has no key {name!r}; {hint}", f"Fix or remove {name}.")
        if len(location) == 1 and "." in name:
            stray.add(name)
        elif not keys[name].refused:
            checked[name] = _checked(name, value, keys[name], place)
        given[name], places[name] = value, place
    for name, key in keys.items():
        if not key.refused and name not in checked:
            if key.default is REQUIRED:
                raise ConfigError(f"{source.place(())}: {name} is missing, which {system} requires.", f"Set {name}.")
            checked[name] = key.default
    return Settings(checked, given, places, frozenset(stray))


def key_fates(settings: Settings, keys: Mapping[str, Key], recipe: Mapping[str, Any]) -> list[KeyFate]:
    """List the outcome of every key in the file, then of every default in the recipe.

    Args:
        settings: result of `read_settings`.
        keys: the system's table.
        recipe: the finished recipe, as plain values.
    """
    fates = [_fate(name, settings, keys[name], recipe) for name in settings.given]
    unset = [_fate(name, settings, key, recipe) for name, key in keys.items() if name not in settings.given]
    return fates + [fate for fate in unset if fate.fate == "became"]


def _fate(name: str, settings: Settings, key: Key, recipe: Mapping[str, Any]) -> KeyFate:
    value, place = settings.given.get(name, key.default), settings.places.get(name, "")
    if name in settings.stray:
        return KeyFate(name, value, place, "refused", "it stands at the top level, where nothing read it")
    refused = key.refused or (key.empty_values.get(value, "") if key.empty_values else "")
    if refused:
        return KeyFate(name, value, place, "refused", refused)
    if key.needless:
        return KeyFate(name, value, place, "needs no key", key.needless)
    held_at = [(path, *_lookup(recipe, path.split("."))) for path in key.became]
    texts = [f"{_plain(path)} = {shown(held)}" for path, present, held in held_at if present]
    if not texts:
        return KeyFate(name, value, place, "needs no key", "has no effect with these values")
    return KeyFate(name, value, place, "became", "; ".join([*texts, *([key.note] if key.note else [])]))


def _leaves(value: Any, keys: Mapping[str, Key], location: Location = ()) -> list[tuple[Location, Any]]:
    name = ".".join(str(part) for part in location)
    if isinstance(value, Mapping) and (not location or (name not in keys and value)):
        return [leaf for key, inner in value.items() for leaf in _leaves(inner, keys, (*location, key))]
    return [(location, value)]


def _checked(name: str, value: Any, key: Key, place: str) -> Any:
    if key.refused:
        return value
    try:
        return TypeAdapter(key.type).validate_python(value, strict=False)
    except ValidationError as error:
        message = error.errors(include_url=False)[0]["msg"]
        raise ConfigError(
            f"{place}: {name} is {value!r}: {message[:1].lower()}{message[1:]}", f"Fix {name} and import again."
        ) from error


def _lookup(value: Any, path: Sequence[str]) -> tuple[bool, Any]:
    """Return whether a recipe holds ``path``, and its value.

    List items are addressed by name or kind; ``*`` is the first item that has the key."""
    if not path:
        return True, value
    head, *rest = path
    if head.startswith("["):
        return _lookup(value, rest) if value["kind"] == head[1:-1] else (False, None)
    if isinstance(value, Mapping):
        return _lookup(value[head], rest) if head in value else (False, None)
    if isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            if head == "*" or (isinstance(item, Mapping) and head in (item.get("name"), item.get("kind"))):
                present, held = _lookup(item, rest)
                if present:
                    return present, held
    return False, None


def _plain(path: str) -> str:
    return ".".join(part for part in path.split(".") if not part.startswith("["))


def shown(value: Any) -> str:
    """Format a value on one line, as YAML."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {shown(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(shown(item) for item in value) + "]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)

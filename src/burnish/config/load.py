"""Load a YAML file and ``--set`` values into a checked configuration; errors name file and line.

Relative paths in a file are relative to the current folder, not to the file. A variant without ``kind`` has the kind of
the field's default. Not covered: whether files that a configuration names exist.
"""

from __future__ import annotations

import difflib
import json
import types
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import ValidationError

from burnish.config.base import Config, PlacedError, as_list
from burnish.config.yaml_source import Location, Source, apply_override, read_yaml, set_value
from burnish.errors import ConfigError

C = TypeVar("C", bound=Config)


@dataclass(frozen=True)
class Values:
    """Plain values of keys such as ``a.b``, and the place that sets them."""

    where: str
    keys: Mapping[str, Any]


def load_config(
    model_type: type[C], path: Path | None, overrides: Sequence[str] = (), values: Sequence[Values] = ()
) -> C:
    """Read ``path`` (or start from nothing), apply ``a.b=value`` overrides, then ``values``, and check the result.

    Raises ConfigError: the first wrong key with its place, and the places of all others.
    """
    source = read_yaml(path) if path is not None else Source({})
    for override in overrides:
        apply_override(source, override)
    for keyed in values:
        for key, value in keyed.keys.items():
            set_value(source, key, deepcopy(value), keyed.where)
    _settle_variants(model_type, source, source.value)
    try:
        # Strict JSON mode: text becomes a path and a list a tuple, but "1" never becomes 1.
        return model_type.model_validate_json(json.dumps(source.value), strict=True)
    except ValidationError as error:
        raise _config_error(model_type, source, error) from error


def variants(annotation: Any) -> dict[str, type[Config]]:
    """Return the configurations that a type allows, by ``kind``; ``""`` for one without a kind."""
    plain = _strip(annotation)
    if isinstance(plain, type) and issubclass(plain, Config):
        return {_kind(plain): plain}
    if get_origin(plain) in (Union, types.UnionType):
        return {kind: arm for part in get_args(plain) for kind, arm in variants(part).items()}
    return {}


def _strip(annotation: Any) -> Any:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation


def _kind(config: type[Config]) -> str:
    field = config.model_fields.get("kind")
    return str(get_args(field.annotation)[0]) if field is not None and get_origin(field.annotation) is Literal else ""


def _settle_variants(annotation: Any, source: Source, value: Any, location: Location = (), default: Any = None) -> None:
    """Fill in missing kinds; where ``--set`` chose another ``kind`` than the file, remove keys of other variants.

    Keys that no variant knows stay, and are reported.
    """
    plain = _strip(annotation)
    if get_origin(plain) is tuple and isinstance(value, list):
        for index, item in enumerate(value):
            _settle_variants(get_args(plain)[0], source, item, (*location, index))
    if not isinstance(value, dict):
        return
    arms = variants(plain)
    if len(arms) > 1 and "kind" not in value and isinstance(default, Config):
        value["kind"] = _kind(type(default))
    kind = value.get("kind", "")
    config = next(iter(arms.values())) if len(arms) == 1 else arms.get(kind) if isinstance(kind, str) else None
    if config is None:
        return
    if len(arms) > 1 and source.places.get((*location, "kind"), "").startswith("--set "):
        for key in [key for key in value if _means_otherwise(key, config, arms.values())]:
            if not source.place((*location, key)).startswith("--set "):
                del value[key]
    for name, field in config.model_fields.items():
        given = field.get_default(call_default_factory=False)
        _settle_variants(field.annotation, source, value.get(name), (*location, name), given)


def _means_otherwise(key: str, config: type[Config], arms: Iterable[type[Config]]) -> bool:
    """Return whether another variant has the key, and this one lacks it or types it differently (``train``: rows, a
    file)."""
    own = config.model_fields.get(key)
    theirs = [arm.model_fields[key] for arm in arms if key in arm.model_fields]
    return (
        bool(theirs)
        and any(own is None or own.annotation != variant.annotation for variant in theirs)
        and key != "kind"
    )


def _config_error(model_type: type[Config], source: Source, error: ValidationError) -> ConfigError:
    problems: dict[str, str] = {}
    order = {place: index for index, place in enumerate(source.places.values())}
    located = [_Wrong.of_detail(model_type, dict(detail)) for detail in error.errors()]
    # A missing key may just be misspelt: report unknown keys first.
    located.sort(key=lambda problem: (problem.missing, order.get(source.place(problem.location), 0)))
    for problem in located:
        key = _readable(problem.location, source.value)
        place = problem.place(source)
        origin_is_key = place in (key, f"--set {_readable(problem.set_at, source.value)}")
        where = place if origin_is_key else ": ".join(part for part in (place, key) if part)
        cascaded = problem.detail["type"] == "too_short" and any(
            len(other.location) > len(problem.location) for other in located
        )
        if not cascaded:  # otherwise it is too short only because its items are wrong themselves
            problems.setdefault(where, _message(problem.detail, problem.location, problem.holder))
    wheres = list(problems)
    cause = ": ".join(part for part in (wheres[0], problems[wheres[0]]) if part)
    if all(problem.missing for problem in located):
        wanted = [text for problem in located for text in _wanted(problem.location, problem.holder, source.value)]
        return ConfigError(cause, f"Add {' '.join(f'--set {text}' for text in wanted)}.")
    if len(wheres) == 1:
        return ConfigError(
            cause, _listed_value(located[0], source) or f"Fix {wheres[0]} and run the same command again."
        )
    others = "; ".join(wheres[1:6]) + ("; ..." if len(wheres) > 6 else "")
    return ConfigError(cause, f"Fix it, and {len(wheres) - 1} more: {others}")


@dataclass(frozen=True)
class _Wrong:
    """A problem of a configuration."""

    location: Location
    holder: type[Config] | None
    """The configuration of the location's last key."""
    detail: dict[str, Any]

    @classmethod
    def of_detail(cls, model_type: type[Config], detail: dict[str, Any]) -> _Wrong:
        placed = detail.get("ctx", {}).get("error")
        inside = placed.location if isinstance(placed, PlacedError) else ()
        location, holder = _locate(model_type, detail["loc"])
        return cls((*location, *inside), holder, detail)

    @property
    def missing(self) -> bool:
        return bool(self.detail["type"] == "missing")

    def place(self, source: Source) -> str:
        """Return the place that set it; for an object without one in the file, that of its first part."""
        own = source.place(self.set_at)
        if not self.location or self.set_at in source.places or own.startswith("--set "):
            return own
        depth = len(self.location)
        return next((origin for at, origin in source.places.items() if at[:depth] == self.location), own)

    @property
    def set_at(self) -> Location:
        """Return where the wrong value was set: for a wrong kind the kind, not the object around it."""
        return (*self.location, "kind") if self.detail["type"] == "union_tag_invalid" else self.location


def _listed_value(problem: _Wrong, source: Source) -> str | None:
    """Return the way out when ``--set`` has words for a list: the same words as a quoted list; otherwise None."""
    place, value = source.place(problem.location), problem.detail["input"]
    if not place.startswith("--set ") or problem.detail["type"] != "tuple_type" or not isinstance(value, str):
        return None
    return f"Write a list, in quotes: --set '{place.removeprefix('--set ')}={as_list(value)}'"


def _wanted(location: Location, holder: type[Config] | None, value: Any) -> list[str]:
    """Return placeholders for a missing key, as ``KEY=FOLDER``; for a mapping one for each required key."""
    name = str(location[-1])
    field = holder.model_fields.get(name) if holder is not None else None
    key = _readable(location, value)
    if field is None:
        return [f"{key}=VALUE"]
    if field.annotation is Path:
        return [f"{key}={'FOLDER' if name in ('out', 'source', 'adapter', 'run') else 'FILE'}"]
    if get_origin(_strip(field.annotation)) is tuple:
        return [f"'{key}=[VALUE, VALUE]'"]
    arms = variants(field.annotation)
    if len(arms) > 1:
        return [f"{key}.kind={'|'.join(arms)}"]
    for inner in arms.values():
        required = [part for part, inner_field in inner.model_fields.items() if inner_field.is_required()]
        return [text for part in required for text in _wanted((*location, part), inner, value)]
    return [f"{key}={name.upper() if name in ('recipe', 'stage', 'name') else 'VALUE'}"]


def _locate(model_type: type[Config], loc: tuple[str | int, ...]) -> tuple[Location, type[Config] | None]:
    """Return the location without pydantic's variant tags, and the configuration of its last key."""
    annotation: Any = model_type
    location: Location = ()
    holder: type[Config] | None = None
    for part in loc:
        plain = _strip(annotation)
        arms = variants(plain)
        if len(arms) > 1:
            annotation = arms.get(str(part))
        elif arms:
            (holder,) = arms.values()
            location = (*location, part)
            field = holder.model_fields.get(str(part))
            annotation = field.annotation if field is not None else None
        elif get_origin(plain) is tuple and isinstance(part, int):
            location = (*location, part)
            annotation = get_args(plain)[0]
        else:
            break
    return location, holder


def _readable(location: Location, value: Any) -> str:
    """Format a location such as ``stages.sft.learning_rate``, with list items by name."""
    parts: list[str] = []
    for step in location:
        value = _item(value, step)
        name = value.get("name") if isinstance(step, int) and isinstance(value, dict) else None
        parts.append(name if isinstance(name, str) else str(step))
    return ".".join(parts)


def _item(value: Any, step: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(step)
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return value[step]
    return None


def _message(detail: dict[str, Any], location: Location, holder: type[Config] | None) -> str:
    kind, context, given = detail["type"], detail.get("ctx", {}), detail["input"]
    if kind in _FIXED:
        return _FIXED[kind]
    match kind:
        case "extra_forbidden":
            allowed = list(holder.model_fields) if holder is not None else []
            return f"unknown key {str(location[-1])!r}; {_nearest(str(location[-1]), allowed)}"
        case "union_tag_invalid":
            kinds = [name.strip("' ") for name in str(context["expected_tags"]).split(",")]
            return f"unknown kind {context['tag']!r}; {_nearest(str(context['tag']), kinds)}"
        case "tuple_type":
            return f"it must be a list, not {_shown(given)}"
        case "value_error":
            return str(context["error"])
        case _:
            text = str(detail["msg"])
            return f"{text[:1].lower()}{text[1:]}, not {_shown(given)}"


_FIXED = {"missing": "this key is missing", "union_tag_not_found": "it needs a `kind`"}
"""Messages that need no addition."""


def _nearest(word: str, allowed: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, allowed, n=1)
    return f"did you mean {close[0]!r}?" if close else f"allowed: {', '.join(allowed)}"


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."

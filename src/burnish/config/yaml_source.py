"""Read plain values with their origin: lines of a YAML file, then ``--set KEY=VALUE``.

YAML is read by its 1.2 core schema: ``1e-3`` is a number, ``no`` and ``2024-01-01`` are text. Duplicate keys are
errors. Not covered: what the keys mean (`config.load` checks them against a schema).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from burnish.errors import ConfigError
from burnish.fsio import HALF_PAIR, half_pair

Location = tuple[str | int, ...]


_MOST_VALUES = 100_000
"""In one file, aliases written out. No recipe has a hundredth of that; a few lines of aliases make billions."""
_MOST_DEPTH = 100
_MOST_DIGITS = 100


class _CoreLoader(yaml.SafeLoader):
    """SafeLoader that types plain scalars by YAML 1.2's core schema."""

    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012  (yaml wants a plain class attribute)


for _tag, _pattern, _first in (
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^[-+]?[0-9]+$", list("-+0123456789")),
    (
        "float",
        r"^(?:[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        list("-+0123456789."),
    ),
):
    _CoreLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


def _construct_int(_loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    if len(node.value) > _MOST_DIGITS:
        raise yaml.constructor.ConstructorError(
            problem=f"a number of {len(node.value)} digits", problem_mark=node.start_mark
        )
    return int(node.value)  # decimal always: YAML 1.1 would read 010 as eight


def _construct_float(_loader: yaml.SafeLoader, node: yaml.ScalarNode) -> float:
    return float(node.value.lower().replace(".inf", "inf").replace(".nan", "nan"))


_CoreLoader.add_constructor("tag:yaml.org,2002:int", _construct_int)
_CoreLoader.add_constructor("tag:yaml.org,2002:float", _construct_float)


@dataclass
class Source:
    """A value, and the origin of each location in it."""

    value: Any
    places: dict[Location, str] = field(default_factory=dict)

    def place(self, location: Location) -> str:
        """Return ``file:line`` or ``--set KEY`` of the location, or of its nearest parent."""
        for length in range(len(location), -1, -1):
            origin = self.places.get(location[:length])
            if origin is not None:
                return origin
        return ""


def read_yaml(path: Path) -> Source:
    """Read a YAML mapping; raises ConfigError naming file and line."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(
            f"file {path} does not exist", "Check the name; paths are relative to the current folder."
        ) from None
    except IsADirectoryError:
        raise ConfigError(f"{path} is a folder", "Give a YAML file in it.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text", "Give a YAML file.") from None
    except PermissionError:
        raise ConfigError(
            f"{path} cannot be read: permission denied", "Change its permissions, or give another file."
        ) from None
    source = _read(text, str(path))
    if source.value is None:
        source.value = {}
    if not isinstance(source.value, dict):
        raise ConfigError(f"{path}:1: the file must be a mapping of keys", "Write `key: value` lines.")
    return source


def _read(text: str, name: str) -> Source:
    loader = _CoreLoader(text)
    source = Source(None, {(): name})
    try:
        node = loader.get_single_node()
        if node is not None:
            source.value = _Builder(loader, name, source.places).build(node)
    except RecursionError as error:
        raise ConfigError(f"{name}: nested too deeply", f"Nest lists and keys {_MOST_DEPTH} deep at most.") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        raise ConfigError(
            f"{name}:{line}: not YAML: {error.problem}", "Fix the indentation or quoting on that line."
        ) from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}: not YAML: {error}", "Fix or remove that character.") from error
    finally:
        loader.dispose()
    return source


@dataclass
class _Builder:
    """Builds plain values from YAML nodes and records the origin of each."""

    loader: _CoreLoader
    name: str
    places: dict[Location, str]
    values: int = 0
    """Built so far."""

    def build(self, node: yaml.Node, location: Location = (), above: tuple[yaml.Node, ...] = ()) -> Any:
        if node in above:
            raise ConfigError(f"{self._place(node)}: an alias that contains itself", "Write the value out.")
        self.values += 1
        if self.values > _MOST_VALUES:
            cause = f"{self._place(node)}: more than {_MOST_VALUES} values with all aliases written out"
            raise ConfigError(cause, "Use fewer aliases of aliases.")
        if len(above) > _MOST_DEPTH:
            raise ConfigError(f"{self._place(node)}: nested too deeply", f"Nest {_MOST_DEPTH} deep at most.")
        self.places.setdefault(location, self._place(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, location, (*above, node))
        if isinstance(node, yaml.SequenceNode):
            items = enumerate(node.value)
            return [self.build(item, (*location, index), (*above, node)) for index, item in items]
        value = self.loader.construct_object(node)
        if isinstance(value, str) and half_pair(value):
            raise ConfigError(f"{self._place(node)}: {HALF_PAIR}", "Write the whole character there, or leave it out.")
        return value

    def _mapping(self, node: yaml.MappingNode, location: Location, above: tuple[yaml.Node, ...]) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key, place = key_node.value, self._place(key_node)
            if not isinstance(key, str):
                raise ConfigError(f"{place}: a key must be a word", "Write `key: value` lines.")
            if key in mapping:
                raise ConfigError(f"{place}: key {key!r} occurs twice", "Remove one of them.")
            self.places[(*location, key)] = place
            mapping[key] = self.build(value_node, (*location, key), above)
        return mapping

    def _place(self, node: yaml.Node) -> str:
        return f"{self.name}:{node.start_mark.line + 1}"


def apply_override(source: Source, override: str) -> None:
    """Apply one ``a.b=value``; list items are addressed by their ``name`` or their number.

    Raises ConfigError naming ``--set KEY``.
    """
    key, equals, text = override.partition("=")
    key = key.strip()
    if not equals or not all(key.split(".")):
        raise ConfigError(f"--set {override}: no KEY=VALUE", "Write --set a.b=value.")
    label = f"--set {key}"
    try:
        value = _read_value(text, label)
    except ConfigError as error:
        raise ConfigError(
            f"{label}: the value is not YAML", 'Quote the value, such as --set \'a.b=["x", "y"]\'.'
        ) from error
    set_value(source, key, value, label)


def _read_value(text: str, label: str) -> Any:
    """Read a value from a command line: YAML, but a ``#`` in plain text is a character and not a comment."""
    plain = text.strip()
    if "#" in plain and plain[0] not in "[{\"'|>&*!":
        return plain
    return _read(text, label).value


def set_value(source: Source, key: str, value: Any, label: str) -> None:
    """Set ``a.b`` to a plain value that came from ``label``; raise ConfigError naming ``label``."""
    parts = key.split(".")
    holder: Any = source.value
    location: Location = ()
    for part in parts[:-1]:
        step = _step(holder, part, label, location)
        if isinstance(holder, dict) and holder.get(part) is None:
            holder[part] = {}
        holder = holder[step]
        location = (*location, step)
    last = _step(holder, parts[-1], label, location)
    holder[last] = value
    location = (*location, last)
    for known in [place for place in source.places if place[: len(location)] == location]:
        del source.places[known]
    source.places[location] = label


def _step(holder: Any, part: str, label: str, location: Location) -> str | int:
    if isinstance(holder, dict):
        return part
    where = ".".join(str(step) for step in location)
    if isinstance(holder, list):
        names = [item.get("name") if isinstance(item, dict) else None for item in holder]
        if part in names:
            return names.index(part)
        if part.isdecimal() and int(part) < len(holder):
            return int(part)
        known = ", ".join(str(name) for name in names if name is not None)
        raise ConfigError(
            f"{label}: {where} has no item {part!r}", f"Its items are: {known or f'0 to {len(holder) - 1}'}."
        )
    raise ConfigError(f"{label}: {where} is a single value and has no key {part!r}", f"Set {where} itself.")

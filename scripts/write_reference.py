"""Writes docs/reference from the program: the command line from the typer app, the configuration from its schema,
and what becomes of other systems' keys from their tables.

    python -m scripts.write_reference            write
    python -m scripts.write_reference --check    compare; exit 1 and name the stale pages

Not covered: how-to guides and concepts, which are written by hand.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import inspect
import pkgutil
import sys
import types
import typing
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import typer.main
from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

import burnish.config
from burnish.cli.app import app
from burnish.config.base import Config
from burnish.config.foreign.keys import REQUIRED, Key, shown
from burnish.workflows.manage.import_config import SYSTEMS

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
NOTE = "<!-- Written by `make docs`; changes belong into the program. -->\n"
PACKAGE = burnish.config.__name__
FIRST = ("stages.recipe", "data.training_data", "model", "stages.optimizer", "generate", "verify", "verbs.evaluate")
"""Modules that open the page; the others follow by name."""
BOUNDS = {Ge: ("≥", "ge"), Gt: (">", "gt"), Le: ("≤", "le"), Lt: ("<", "lt"), MinLen: ("length ≥", "min_length")}
TYPE_NAMES = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Path: "path",
    Any: "any value",
    type(None): "null",
}
"""Field types in a reader's words; a type that is not here stops the program, so that it gets its words."""


def config_page() -> str:
    """All configuration models, module by module, each field with type, default and meaning."""
    sections = [NOTE, "# Configuration\n"]
    sections.append(
        "Every key a recipe or `--set key=value` may use. `Recipe` is the whole of a recipe file; the other verbs take "
        "the configuration their name says. Unknown keys are errors.\n"
    )
    for module in _config_modules():
        models = [one for one in vars(module).values() if _is_model_of(one, module)]
        if models:
            sections.append(f"## {module.__name__.removeprefix(f'{PACKAGE}.')}\n\n{_first_line(module)}\n")
            sections.extend(_model_section(model) for model in models)
    return "\n".join(sections)


def _config_modules() -> Iterator[types.ModuleType]:
    found = pkgutil.walk_packages(burnish.config.__path__, f"{PACKAGE}.")
    names = sorted(one.name for one in found if not one.name.startswith(f"{PACKAGE}.foreign"))
    first = [f"{PACKAGE}.{name}" for name in FIRST]
    for name in first + [name for name in names if name not in first]:
        yield importlib.import_module(name)


def _is_model_of(value: object, module: types.ModuleType) -> bool:
    own = inspect.isclass(value) and issubclass(value, Config) and value.__module__ == module.__name__
    return own and value is not Config


def _model_section(model: type[Config]) -> str:
    lines = [f"### {model.__name__}\n", _paragraph(inspect.getdoc(model) or ""), ""]
    parents = [base for base in model.__bases__ if issubclass(base, Config) and base is not Config]
    if parents:
        links = " and ".join(f"[{parent.__name__}](#{parent.__name__.lower()})" for parent in parents)
        lines += [f"Has the keys of {links}, too.", ""]
    own = [(name, model.model_fields[name]) for name in inspect.get_annotations(model) if name in model.model_fields]
    if own:
        lines += ["| key | type | default | meaning |", "| --- | --- | --- | --- |"]
        for name, field in own:
            meaning = field.description or ("Selects this variant." if name == "kind" else "")
            cells = (f"`{name}`", _field_type(field), _default(field), _cell(meaning))
            lines.append("| " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


def _field_type(field: FieldInfo) -> str:
    bounds = [
        f"{BOUNDS[type(one)][0]} {getattr(one, BOUNDS[type(one)][1])}" for one in field.metadata if type(one) in BOUNDS
    ]
    return ", ".join([_type_name(field.annotation), *bounds])


def _type_name(annotation: Any) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Literal:
        name = " or ".join(f"`{value}`" for value in arguments)
    elif origin in (typing.Union, types.UnionType):
        name = " or ".join(_type_name(argument) for argument in arguments)
    elif origin in (tuple, list):
        name = "list of " + _type_name(arguments[0])
    elif origin is dict:
        name = f"mapping of {_type_name(arguments[0])} to {_type_name(arguments[1])}"
    elif origin is typing.Annotated:
        name = _type_name(arguments[0])
    elif inspect.isclass(annotation) and issubclass(annotation, Config):
        name = f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    else:
        name = TYPE_NAMES[annotation]
    return name


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined or isinstance(value, Config):
        return "its defaults"
    if value is None:
        return "null"
    if isinstance(value, tuple | list | dict) and not value:
        return "empty"
    return f"`{value}`"


def cli_page() -> str:
    """Every verb with its arguments and options."""
    command = typer.main.get_command(app)
    sections = [NOTE, "# Command line\n"]
    sections.extend(_command_sections(command, "burnish"))
    return "\n".join(sections)


def _command_sections(command: Any, path: str) -> Iterator[str]:
    lines = [f"## {path}\n", _paragraph(command.help or ""), ""]
    parameters = [one for one in command.params if not getattr(one, "hidden", False) and one.name != "help"]
    if parameters:
        lines += ["| argument or option | default | meaning |", "| --- | --- | --- |"]
        for parameter in parameters:
            named = parameter.param_type_name == "option"
            name = (
                ", ".join([*parameter.opts, *parameter.secondary_opts])
                if named
                else parameter.metavar or parameter.name.upper()
            )
            lines.append(
                f"| `{name}` | {_parameter_default(parameter)} | {_cell(getattr(parameter, 'help', '') or '')} |"
            )
        lines.append("")
    yield "\n".join(lines)
    for name, inner in sorted(getattr(command, "commands", {}).items()):
        yield from _command_sections(inner, f"{path} {name}")


def _parameter_default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    value = parameter.default
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"`{value}`" if isinstance(value, str | int | float) else ""


def _first_line(module: types.ModuleType) -> str:
    return _paragraph((module.__doc__ or "").strip().split("\n\n", maxsplit=1)[0])


def _paragraph(text: str) -> str:
    """Docstring text with its line breaks joined, paragraphs kept."""
    return "\n\n".join(" ".join(block.split()) for block in inspect.cleandoc(text).replace("``", "`").split("\n\n"))


def _cell(text: str) -> str:
    return " ".join(text.replace("``", "`").replace("|", "\\|").split())


def imports_page() -> str:
    """Keys of other systems, and what `burnish config import` makes of each."""
    sections = [NOTE, "# Keys of other systems\n"]
    sections.append(
        "What `burnish config import` makes of each key. Refused keys had no effect over there; a key that is not here "
        "is an error. `*` is any item of a list, `[kind]` an item only where it is of that kind.\n"
    )
    for system in SYSTEMS:
        sections.append(f"## {system.name}\n\n| key | default there | becomes |\n| --- | --- | --- |")
        sections += [f"| `{name}` | {_default_there(key)} | {_becomes(key)} |" for name, key in system.keys.items()]
        sections.append("")
    return "\n".join(sections)


def _default_there(key: Key) -> str:
    return "required" if key.default is REQUIRED else f"`{shown(key.default)}`"


def _becomes(key: Key) -> str:
    if key.refused:
        return f"refused: {key.refused}"
    if key.needless:
        return f"needs no key: {key.needless}"
    return ", ".join(f"`{path}`" for path in key.became) + (f"; {key.note}" if key.note else "")


def pages() -> dict[Path, str]:
    """Path -> content of every generated page."""
    return {
        FOLDER / "cli.md": cli_page(),
        FOLDER / "config.md": config_page(),
        FOLDER / "imports.md": imports_page(),
    }


def stale() -> list[str]:
    """A diff for each page on disk that is not what the program would write; empty when all are fresh."""
    diffs = []
    for path, wanted in pages().items():
        found = path.read_text() if path.exists() else ""
        if found != wanted:
            lines = difflib.unified_diff(found.splitlines(), wanted.splitlines(), str(path), "the program", lineterm="")
            diffs.append("\n".join(lines))
    return diffs


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Write docs/reference from the program.")
    parser.add_argument("--check", action="store_true", help="compare only; exit 1 when a page is stale")
    options = parser.parse_args(arguments)
    if options.check:
        for diff in (diffs := stale()):
            sys.stderr.write(diff + "\n")
        if diffs:
            sys.stderr.write("docs/reference is stale. Run: make docs\n")
        return 1 if diffs else 0
    for path, content in pages().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

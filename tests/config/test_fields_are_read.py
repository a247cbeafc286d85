"""Every field of every schema is read somewhere: a field that nothing reads would be a promise nobody keeps."""

from __future__ import annotations

import ast
from pathlib import Path

import burnish
from burnish.config.base import Config
from burnish.config.stages import recipe
from burnish.config.verbs import evaluate, grid, prepare, sweep
from burnish.config.verbs import standalone as verbs

SOURCES = Path(burnish.__file__).parent
ROOTS = (evaluate, grid, prepare, recipe, sweep, verbs)


def schemas(base: type[Config] = Config) -> set[type[Config]]:
    """All configurations that exist."""
    assert ROOTS
    found = set(base.__subclasses__())
    return found | {deeper for one in found for deeper in schemas(one)}


def attributes_read() -> set[str]:
    """Names that stand after a dot, or in a match pattern, anywhere outside the schemas themselves."""
    names: set[str] = set()
    for file in SOURCES.rglob("*.py"):
        if file.parent == SOURCES / "config" and file.name != "load.py":
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                names.add(node.attr)
            elif isinstance(node, ast.MatchClass):
                names.update(node.kwd_attrs)
    return names


def test_every_field_is_read() -> None:
    read = attributes_read()
    unread = {f"{schema.__name__}.{name}" for schema in schemas() for name in schema.model_fields if name not in read}
    assert unread <= {f"{schema.__name__}.kind" for schema in schemas()}, sorted(unread)


def test_an_unread_field_would_be_found() -> None:
    assert "learning_rate" in attributes_read()
    assert "a_field_that_does_not_exist" not in attributes_read()

"""What the trainers override is what the pinned versions have."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from transformers import Trainer

import burnish.train
from burnish.train.overridden import CALLED, OVERRIDDEN, PINNED

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"


def our_trainers() -> Iterator[type[Any]]:
    """Every trainer class of `burnish.train`."""
    for module in pkgutil.walk_packages(burnish.train.__path__, "burnish.train."):
        for value in vars(importlib.import_module(module.name)).values():
            if inspect.isclass(value) and value.__module__ == module.name and issubclass(value, Trainer):
                yield value


def overridden_methods() -> set[tuple[str, str]]:
    """Class and method of every library method that one of our classes stands before."""
    overridden = set()
    for trainer in our_trainers():
        ours = [base for base in trainer.__mro__ if base.__module__.startswith("burnish.")]
        theirs = [base for base in trainer.__mro__ if base not in ours]
        for name in {name for base in ours for name in vars(base) if not name.startswith("__")}:
            before = next((base for base in theirs if callable(vars(base).get(name))), None)
            if before is not None:
                overridden.add((f"{before.__module__}.{before.__qualname__}", name))
    return overridden


def parameters(place: str, method: str) -> str:
    """Parameters of an installed method without annotations."""
    module, _, name = place.rpartition(".")
    signature = inspect.signature(vars(getattr(importlib.import_module(module), name))[method])
    bare = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in signature.parameters.values()]
    return str(signature.replace(parameters=bare, return_annotation=inspect.Signature.empty))


@pytest.mark.parametrize("table", [OVERRIDDEN, CALLED], ids=["overridden", "called"])
def test_the_parameters_are_those_of_the_installed_versions(table: Any) -> None:
    installed = {place: {name: parameters(place, name) for name in methods} for place, methods in table.items()}
    assert installed == table


def test_every_overridden_method_is_listed() -> None:
    listed = {(place, name) for place, methods in OVERRIDDEN.items() for name in methods}
    assert overridden_methods() == listed


@pytest.mark.parametrize("package", PINNED)
def test_the_pin_admits_one_minor_version_and_it_is_installed(package: str) -> None:
    extras = tomllib.loads(PYPROJECT.read_text())["project"]["optional-dependencies"]
    requirement = next(line for line in extras["train"] if re.match(rf"{package}\b", line))
    pin = re.fullmatch(rf"{package}>=(\d+)\.(\d+),<(\d+)\.(\d+)", requirement)
    assert pin is not None, requirement
    major, minor, next_major, next_minor = map(int, pin.groups())
    assert (next_major, next_minor) == (major, minor + 1)
    assert version(package).split(".")[:2] == [str(major), str(minor)]

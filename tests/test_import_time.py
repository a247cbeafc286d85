"""What must start fast or run alone does not load torch and its companions."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "trl", "peft", "accelerate", "datasets")


def modules_loaded_by(code: str) -> set[str]:
    """Heavy modules, and pydantic, that a fresh Python has loaded after ``code``."""
    names = (*HEAVY, "pydantic", "yaml", "numpy", "scipy", "matplotlib")
    probe = f"{code}\nimport sys\nprint(*(name for name in {names!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", probe], check=True, capture_output=True, text=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "module",
    [
        "burnish.cli",
        "burnish.verify",
        "burnish.score.summaries.summary",
        "burnish.config.load",
        "burnish.ledger.store",
        "burnish.report.page.html",
        "burnish.workflows.recipe",
        "burnish.workflows.evaluate.evaluate",
    ],
)
def test_torch_is_not_loaded(module: str) -> None:
    assert modules_loaded_by(f"import {module}").isdisjoint(HEAVY)


def test_the_program_loads_nothing_heavy_to_show_its_help() -> None:
    show_help = "from burnish.cli.app import app\ntry:\n    app(['--help'])\nexcept SystemExit:\n    print()"
    assert modules_loaded_by(show_help) == set()


def test_the_probe_sees_what_is_loaded() -> None:
    assert modules_loaded_by("import numpy") == {"numpy"}

"""The command line: one thin file per verb; parses, calls a workflow, renders. Imports nothing heavy."""

from __future__ import annotations

from burnish.cli.app import main

__all__ = ["main"]

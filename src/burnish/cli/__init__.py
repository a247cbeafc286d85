"""The command line: each verb parses its options, calls a workflow and prints the result.

Nothing heavy is imported here."""

from __future__ import annotations

from burnish.cli.app import main

__all__ = ["main"]

"""Options shared by several verbs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Recipe = Annotated[
    str, typer.Argument(help="Recipe file, or the name of a shipped recipe.", show_default=False, metavar="RECIPE")
]
Config = Annotated[
    Path | None,
    typer.Option("--config", help="YAML file; paths in it are relative to the current folder.", metavar="FILE"),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", help="Set one key, with stages by name: stages.sft.learning_rate=1e-3.", metavar="a.b=VALUE"),
]
RunsDir = Annotated[
    Path, typer.Option("--runs-dir", help="Folder with the run folders and the ledger.", metavar="FOLDER")
]
Detach = Annotated[
    bool, typer.Option("--detach", help="Run in the background, with a log and a pid file in the run's folder.")
]
Supervise = Annotated[
    bool, typer.Option("--supervise", help="Restart from the last good checkpoint after a crash or a kill.")
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Continue although settings changed; rerun only the affected stages.")
]

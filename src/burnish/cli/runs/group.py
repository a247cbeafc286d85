"""``burnish runs``: read the ledger, and act on existing runs.

One file per group of verbs: `look` (list, show, diff, tree), `act` (fork, stop, reproduce, remove).
"""

from __future__ import annotations

import typer

from burnish.cli.runs import act as runs_act
from burnish.cli.runs import look as runs_look

app = typer.Typer(help="List, compare, fork, stop, reproduce and remove runs.", no_args_is_help=True)
app.command("list")(runs_look.list_runs)
app.command("show")(runs_look.show)
app.command("diff")(runs_look.diff)
app.command("tree")(runs_look.tree)
app.command("reproduce")(runs_act.reproduce)
app.command("fork")(runs_act.fork)
app.command("stop")(runs_act.stop_run)
app.command("remove")(runs_act.remove)

"""Define the ``burnish`` program: its verbs, and logging to the terminal.

Verbs import their workflow when they run, so that ``burnish --help`` starts fast and without torch.
"""

from __future__ import annotations

import logging
import os
import sys
from typing import Annotated

import typer

from burnish import __version__
from burnish.cli.data import group as data
from burnish.cli.errors import INTERRUPTED, USAGE_ERROR, show_usage_error
from burnish.cli.evaluate import compare, evaluate, export, generate
from burnish.cli.runs import act, look, monitor
from burnish.cli.train import experiments, plan, run
from burnish.cli.train import import_config as config_group
from burnish.cli.train import reward as reward_group
from burnish.cli.verify import doctor
from burnish.cli.verify import group as verify_group

app = typer.Typer(
    name="burnish",
    help="Train a language model to write Rust that compiles, passes its tests and reads well.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
runs = typer.Typer(help="List, compare, fork, stop, reproduce and remove runs.", no_args_is_help=True)
app.command("run")(run.run)
app.command("train")(run.train)
app.command("generate")(generate.generate)
app.add_typer(verify_group.app, name="verify")
app.command("evaluate")(evaluate.evaluate)
app.command("compare")(compare.compare)
app.command("sweep")(experiments.sweep)
app.command("grid")(experiments.grid)
app.add_typer(reward_group.app, name="reward")
app.add_typer(data.app, name="data")
app.add_typer(config_group.app, name="config")
app.add_typer(export.app, name="export")
app.add_typer(runs, name="runs")
app.command("monitor")(monitor.monitor)
app.command("plan")(plan.plan)
app.command("doctor")(doctor.doctor)

runs.command("list")(look.list_runs)
runs.command("show")(look.show)
runs.command("diff")(look.diff)
runs.command("tree")(look.tree)
runs.command("reproduce")(act.reproduce)
runs.command("fork")(act.fork)
runs.command("stop")(act.stop_run)
runs.command("remove")(act.remove)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def burnish(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Train a language model to write Rust that compiles, passes its tests and reads well."""


def main() -> None:
    """Run the program.

    Exit codes: 0 done, 2 user error, 3 missing tool, 4 machine, 130 interrupted, 1 bug in burnish.
    """
    # Threads that spin while they wait slow training down many times as soon as anything else runs (docs/LOG.md,
    # 2026-11-20). OpenMP reads this when torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Saving a whole model shows a bar per file, which would break up the training's own bar.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    # bitsandbytes warns on every load that an optional CPU kernel for 4-bit weights is missing.
    logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("burnish")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        ended = app(prog_name="burnish", standalone_mode=False)
    except typer.Abort:
        sys.exit(INTERRUPTED)
    except USAGE_ERROR as error:
        show_usage_error(error, sys.argv[1:])
        sys.exit(2)
    sys.exit(ended if isinstance(ended, int) else 0)

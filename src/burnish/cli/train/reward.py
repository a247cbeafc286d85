"""``burnish reward``: compare and attack reward shapes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from burnish.cli import options
from burnish.cli.errors import reported
from burnish.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from burnish.config.reward import RewardAttackConfig, RewardConfig, RewardReplayConfig

R = TypeVar("R", "RewardAttackConfig", "RewardReplayConfig")
app = typer.Typer(help="Compare reward shapes, and attack them.", no_args_is_help=True)

Shapes = Annotated[
    str, typer.Option("--shapes", help="Shapes by name; default: the shapes of the configuration.", metavar="A,B")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]


@app.command()
@options.grouped
def replay(
    source: Annotated[
        Path, typer.Argument(help="Run folder, or JSONL of completions or rollouts.", show_default=False)
    ],
    *,
    shapes: Shapes = "",
    settings: options.Settings,
    as_json: AsJson = False,
) -> None:
    """Score a run's answers by other reward shapes: signal, bias, agreement with tests, overpayment."""
    with reported("Known verdicts are kept; run the same command again to continue."):
        from burnish.config.reward import RewardReplayConfig

        config = _config(RewardReplayConfig, settings, shapes)
        from burnish.report.terminal.reward_tables import show_replay
        from burnish.workflows.rewards.replay import replay_rewards

        _show(replay_rewards(source, config), as_json, show_replay)


@app.command()
@options.grouped
def attack(*, shapes: Shapes = "", settings: options.Settings, as_json: AsJson = False) -> None:
    """Run the cheating corpus through reward shapes; exit code 1 if cheating pays."""
    with reported():
        from burnish.config.reward import RewardAttackConfig

        config = _config(RewardAttackConfig, settings, shapes)
        from burnish.report.terminal.reward_tables import show_attack
        from burnish.workflows.rewards.attack import attack_rewards

        report = attack_rewards(config)
        _show(report, as_json, show_attack)
        if not report["withstood"]:
            raise typer.Exit(1)


def _config(schema: type[R], settings: options.Settings, names: str) -> R:
    """Read the configuration; build the named shapes, with the configuration's weights where given."""
    from burnish.config.reward import ALL_SHAPES

    loaded: R = settings.load(schema)
    if not names:
        return loaded
    known: dict[str, RewardConfig] = {shape.kind: shape for shape in (*ALL_SHAPES, *loaded.shapes)}
    wanted = [name.strip() for name in names.split(",")]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise ConfigError(f"reward shape {unknown[0]!r} does not exist.", f"Choose from: {', '.join(known)}.")
    return loaded.model_copy(update={"shapes": tuple(known[name] for name in wanted)})


def _show(report: dict[str, Any], as_json: bool, show: Callable[[dict[str, Any], Console], None]) -> None:
    if as_json:
        typer.echo(json.dumps(report, indent=2, ensure_ascii=False))
    else:
        from rich.console import Console

        show(report, Console())

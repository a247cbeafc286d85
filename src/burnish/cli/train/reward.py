"""``burnish reward``: compare and attack reward shapes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from burnish.cli import options
from burnish.cli.errors import reported
from burnish.errors import ConfigError

if TYPE_CHECKING:
    from burnish.config.reward import RewardConfig

app = typer.Typer(help="Compare reward shapes, and attack them.", no_args_is_help=True)

Shapes = Annotated[
    str, typer.Option("--shapes", help="Shapes by name; default: the shapes of the configuration.", metavar="A,B")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]


@app.command()
def replay(
    source: Annotated[
        Path, typer.Argument(help="Run folder, or JSONL of completions or rollouts.", show_default=False)
    ],
    shapes: Shapes = "",
    config: options.Config = None,
    overrides: options.Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Score a run's answers by other reward shapes: signal, bias, agreement with tests, overpayment."""
    with reported("Known verdicts are kept; run the same command again to continue."):
        from burnish.config.load import load_config
        from burnish.config.reward import RewardReplayConfig

        loaded = load_config(RewardReplayConfig, config, overrides or ())
        loaded = loaded.model_copy(update={"shapes": _chosen(shapes, loaded.shapes)})
        from burnish.workflows.rewards.replay import replay_rewards

        report = replay_rewards(source, loaded)
        if as_json:
            _print_json(report)
            return
        from rich.console import Console

        from burnish.report.terminal.reward_tables import show_replay

        show_replay(report, Console())


@app.command()
def attack(
    shapes: Shapes = "",
    config: options.Config = None,
    overrides: options.Overrides = None,
    as_json: AsJson = False,
) -> None:
    """Run the cheating corpus through reward shapes; exit code 1 if cheating pays."""
    with reported():
        from burnish.config.load import load_config
        from burnish.config.reward import RewardAttackConfig

        loaded = load_config(RewardAttackConfig, config, overrides or ())
        loaded = loaded.model_copy(update={"shapes": _chosen(shapes, loaded.shapes)})
        from burnish.workflows.rewards.attack import attack_rewards

        report = attack_rewards(loaded)
        if as_json:
            _print_json(report)
        else:
            from rich.console import Console

            from burnish.report.terminal.reward_tables import show_attack

            show_attack(report, Console())
        if not report["withstood"]:
            raise typer.Exit(1)


def _chosen(names: str, configured: tuple[RewardConfig, ...]) -> tuple[RewardConfig, ...]:
    """Build the named shapes, with the configuration's weights where given."""
    from burnish.config.reward import ALL_SHAPES

    if not names:
        return configured
    known: dict[str, RewardConfig] = {shape.kind: shape for shape in (*ALL_SHAPES, *configured)}
    wanted = [name.strip() for name in names.split(",")]
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise ConfigError(f"reward shape {unknown[0]!r} does not exist.", f"Choose from: {', '.join(known)}.")
    return tuple(known[name] for name in wanted)


def _print_json(report: object) -> None:
    import json

    typer.echo(json.dumps(report, indent=2, ensure_ascii=False))

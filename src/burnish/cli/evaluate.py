"""``burnish evaluate``: judge a model's answers, or answers that exist."""

from __future__ import annotations

from burnish.cli import options
from burnish.cli.reporting import reported


def evaluate(
    config: options.Config = None, overrides: options.Overrides = None, resume: options.Resume = False
) -> None:
    """Judge answers to a task set: a model's, those of a file, or those in the task file itself."""
    with reported("Finished batches are kept; the same command again goes on where it was."):
        from burnish.cli.tables import show_summary
        from burnish.config.evaluate import EvaluateConfig
        from burnish.config.load import load_config

        loaded = load_config(EvaluateConfig, config, overrides or ())
        from burnish.workflows.evaluate import evaluate as evaluate_answers

        show_summary(evaluate_answers(loaded, resume=resume))

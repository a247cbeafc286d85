"""Draw training curves of a stage from its rows in ``metrics.jsonl``, grouped into panels.

Panels are chosen by the names of the numbers, for every kind of stage; an unknown number gets a panel of its own. Not
covered: what the names mean (`train` and the workflows that log them).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from burnish.ledger.metrics import MetricRow
from burnish.report.page.figures import COLOURS, LEGEND_INCH, WIDTH, figure_style, legend_below, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Series = Mapping[int, float]
"""Step -> value."""

PANELS: tuple[tuple[str, str], ...] = (
    ("loss", r"(eval_)?loss"),
    ("reward", r"(eval_|rollouts/)?reward(_std|_mean)?|rollouts/group_std"),
    ("rates", r"(eval_|rollouts/)?((?!learning)\w+_rate|tests_passed|tests_share|tasks_solved|pass_at_\w+)"),
    ("parts of the reward", r"rewards/(?!chosen|rejected|margins|accuracies).+|reward_(?!std|mean).+"),
    ("implicit rewards", r"rewards/(chosen|rejected|margins)"),
    ("KL to the reference", r"(\w+/)?kl(_\w+)?"),
    ("entropy", r"(\w+/)?entropy(_\w+)?"),
    ("completion length, tokens", r"(eval_|rollouts/)?(mean_)?completion_length|completions/mean_length"),
    ("shares", r"(rollouts/|sampling/)?(\w+_share|groups_with_signal|tasks_mixed|from_cache|\w+_ratio)|clip_ratio/.+"),
    ("log-probabilities", r"logps/.+"),
    ("learning rate", r"learning_rate"),
    ("gradient norm", r"grad_norm"),
    ("tokens per second", r"tokens_per_s"),
)
"""Title of each panel and the names that it draws, in page order."""
HIDDEN = re.compile(
    r"epoch|round|micro_batch|mfu|model_flops\w*|trained_tokens\w*|seconds_\w+|\w+(?<!tokens_per)_s|peak_\w+|"
    r"rollouts/completions|\w*steps"
)
"""Names that are not drawn."""
COLUMNS = 3
MOST_PANELS = 15
MOST_POINTS = 400
"""Most points of one curve; a longer curve is averaged over equal parts, so that the page opens quickly."""
MARKED = 12
"""Curves with at most this many points mark each of them."""


@dataclass(frozen=True)
class Curves:
    """Training curves of one stage."""

    stage: str
    svg: str
    averaged: int
    """Values averaged into each point of the longest curve; 1 when all are shown."""


def training_curves(metrics: Sequence[MetricRow]) -> list[Curves]:
    """Return the curves per stage, in the order in which stages first appear in ``metrics``.

    A number with fewer than two points is not drawn; a stage without curves is left out.
    """
    by_stage: dict[str, dict[str, dict[int, float]]] = {}
    for row in metrics:
        series = by_stage.setdefault(row.stage, {})
        for key, value in row.values.items():
            series.setdefault(key, {})[row.step] = value
    drawn = [_stage_figure(stage, series) for stage, series in by_stage.items()]
    return [curve for curve in drawn if curve is not None]


def panels_of(series: Mapping[str, Series]) -> list[tuple[str, dict[str, Series]]]:
    """Return title and curves of each panel; unknown numbers come last, and only if they change."""
    curves = {key: points for key, points in series.items() if len(points) > 1 and not HIDDEN.fullmatch(key)}
    panels: list[tuple[str, dict[str, Series]]] = []
    for title, pattern in PANELS:
        known = {key: curves.pop(key) for key in list(curves) if re.fullmatch(pattern, key)}
        # Beside other curves, one that is always zero would only use up a colour.
        drawn = {key: points for key, points in known.items() if len(known) == 1 or any(points.values())}
        for start in range(0, len(drawn), len(COLOURS)):
            part = dict(list(drawn.items())[start : start + len(COLOURS)])
            panels.append((title, part))
    panels += [(key, {key: points}) for key, points in curves.items() if len(set(points.values())) > 1]
    return panels[:MOST_PANELS]


def _stage_figure(stage: str, series: Mapping[str, Series]) -> Curves | None:
    panels = panels_of(series)
    if not panels:
        return None
    rows = -(-len(panels) // COLUMNS)
    averaged = max(-(-len(points) // MOST_POINTS) for _, curves in panels for points in curves.values())
    with figure_style() as new_figure:
        heights = [_height(panels[row * COLUMNS : (row + 1) * COLUMNS]) for row in range(rows)]
        figure = new_figure(WIDTH, sum(heights))
        figure.get_layout_engine().set(h_pad=0.1, w_pad=0.08)
        axes = figure.subplots(rows, COLUMNS, squeeze=False, height_ratios=heights).flat
        for panel in axes[len(panels) :]:
            panel.set_axis_off()
        for panel, (title, curves) in zip(axes, panels, strict=False):
            _draw_curves(panel, title, curves)
        return Curves(stage, to_svg(figure, f"curves-{stage}", _description(stage, panels)), averaged)


def _height(panels: Sequence[tuple[str, Mapping[str, Series]]]) -> float:
    """Return the figure height in inches, with room for legends."""
    most = max(len(curves) for _, curves in panels)
    return 2.2 + (LEGEND_INCH * most if most > 1 else 0)


def _draw_curves(panel: Axes, title: str, curves: Mapping[str, Series]) -> None:
    from matplotlib.ticker import MaxNLocator

    lowest = highest = 0.0
    for colour, (key, points) in zip(COLOURS, curves.items(), strict=False):
        steps, values = _shortened(points)
        marker = "o" if len(steps) <= MARKED else ""
        panel.plot(steps, values, color=colour, linewidth=1.5, marker=marker, markersize=3.5, label=_label(key))
        lowest, highest = min(lowest, *values), max(highest, *values)
    panel.set_title(title if len(curves) > 1 else _label(title), loc="left", fontsize=11)
    panel.set_xlabel("step", fontsize=10)
    if lowest >= 0 and highest > 0:
        panel.set_ylim(0, 1.08 * highest)
    panel.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    panel.yaxis.set_major_formatter(lambda value, _: f"{value:.4g}")
    panel.grid(alpha=0.25)
    if len(curves) > 1:
        legend_below(panel)


def _label(key: str) -> str:
    """Return the label of a name in metrics.jsonl."""
    return re.sub(r"^(rollouts|rewards|logps)/", "", key).replace("_", " ")


def _shortened(points: Series) -> tuple[list[float], list[float]]:
    """Return steps and values in order, a long curve averaged over equal parts."""
    ordered = sorted(points.items())
    size = -(-len(ordered) // MOST_POINTS)
    parts = [ordered[start : start + size] for start in range(0, len(ordered), size)]
    means = [(sum(s for s, _ in part) / len(part), sum(v for _, v in part) / len(part)) for part in parts]
    return [step for step, _ in means], [value for _, value in means]


def _description(stage: str, panels: Sequence[tuple[str, Mapping[str, Series]]]) -> str:
    """Describe the curves as alternative text: first and last value of each."""
    parts = []
    for _, curves in panels:
        for key, points in curves.items():
            first, last = points[min(points)], points[max(points)]
            parts.append(f"{key} from {first:.4g} to {last:.4g}")
    return f"Training curves of stage {stage}. " + "; ".join(parts)

"""Figures as inline SVG: rates with intervals, and training curves.

matplotlib is imported when the first figure is drawn. Text, axes and grid take the colour of the surrounding page, so
that one figure serves the light and the dark theme. Not covered: figures as files.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from burnish.ledger.metrics import MetricRow
from burnish.records import StageSummary
from burnish.report.text import METRIC_NAMES, percent, percent_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#010203"
"""Stands for the page's text colour while drawing; replaced by ``currentColor`` in the SVG."""
COLOURS = ("#3578e5", "#e07b2e", "#1f9d6b", "#a259d9", "#c94f6d", "#7d8a2e")
"""Each at least 3 : 1 against white and against the dark page."""
PANELS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("loss", ("loss", "eval_loss")),
    ("learning rate", ("learning_rate",)),
)
"""Title of a panel of training curves, and the keys of metrics.jsonl that it draws."""


@dataclass(frozen=True)
class Curves:
    """The training curves of one stage."""

    stage: str
    svg: str


def rates_figure(stages: Sequence[StageSummary]) -> str:
    """Dot and 95 % interval of every rate, one panel per measure, one line per stage."""
    with _style() as new_figure:
        figure = new_figure(9.0, 0.9 + 0.42 * len(stages))
        panels = figure.subplots(1, len(METRIC_NAMES), sharey=True, squeeze=False)[0]
        for panel, (metric, title) in zip(panels, METRIC_NAMES.items(), strict=True):
            for row, stage in enumerate(stages):
                rate = 100 * float(getattr(stage, metric))
                low, high = (100 * end for end in stage.ci95[metric])
                colour = COLOURS[row % len(COLOURS)]
                panel.plot([low, high], [row, row], color=colour, linewidth=2.2, solid_capstyle="round", clip_on=False)
                panel.plot([rate], [row], marker="o", markersize=6.5, color=colour, clip_on=False)
            panel.set_title(f"{title}, %", loc="left", fontsize=10)
            panel.set_xlim(0, 100)
            panel.set_ylim(len(stages) - 0.5, -0.5)
            panel.tick_params(axis="y", length=0)
            panel.grid(axis="x", alpha=0.25)
        panels[0].set_yticks(range(len(stages)), [stage.name for stage in stages])
        lines = [
            f"{stage.name}: {title} {percent(getattr(stage, metric))} % ({percent_interval(stage.ci95[metric])})"
            for stage in stages
            for metric, title in METRIC_NAMES.items()
        ]
        return _to_svg(figure, "rates", "Rates with 95 % intervals. " + "; ".join(lines))


def training_curves(metrics: Sequence[MetricRow]) -> list[Curves]:
    """Curves per stage, in the order in which stages first appear in ``metrics``.

    A panel without two points is not drawn, a stage without a panel is left out.
    """
    by_stage: dict[str, dict[str, dict[int, float]]] = {}
    for row in metrics:
        series = by_stage.setdefault(row.stage, {})
        for key, value in row.values.items():
            series.setdefault(key, {})[row.step] = value
    drawn = [(stage, _stage_figure(stage, series)) for stage, series in by_stage.items()]
    return [Curves(stage, svg) for stage, svg in drawn if svg is not None]


def _stage_figure(stage: str, series: Mapping[str, Mapping[int, float]]) -> str | None:
    panels = [
        (title, {key: series[key] for key in keys if len(series.get(key, ())) > 1})
        for title, keys in PANELS
        if any(len(series.get(key, ())) > 1 for key in keys)
    ]
    if not panels:
        return None
    with _style() as new_figure:
        figure = new_figure(4.5 * len(PANELS), 2.5)
        # One column per possible panel keeps curves of all stages at the same scale.
        axes = figure.subplots(1, len(PANELS), squeeze=False)[0]
        for panel in axes[len(panels) :]:
            panel.set_axis_off()
        for panel, (title, curves) in zip(axes, panels, strict=False):
            _draw_curves(panel, title, curves)
        return _to_svg(figure, f"curves-{stage}", f"Training curves of stage {stage} over optimiser steps")


def _draw_curves(panel: Axes, title: str, curves: Mapping[str, Mapping[int, float]]) -> None:
    for colour, (key, points) in zip(COLOURS, curves.items(), strict=False):
        steps = sorted(points)
        panel.plot(steps, [points[step] for step in steps], color=colour, linewidth=1.4, label=key)
    panel.set_title(title, loc="left", fontsize=10)
    panel.set_xlabel("optimiser step", fontsize=9)
    panel.set_ylim(bottom=0)
    panel.grid(alpha=0.25)
    if len(curves) > 1:
        panel.legend(frameon=False, fontsize=9)


@contextmanager
def _style() -> Iterator[Any]:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    def new_figure(width_inch: float, height_inch: float) -> Figure:
        return Figure(figsize=(width_inch, height_inch), layout="constrained")

    settings: Any = {
        "svg.fonttype": "none",  # text stays text: searchable, and in the page's colour
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "axes.facecolor": "none",
        "figure.facecolor": "none",
        "xtick.color": INK,
        "ytick.color": INK,
        "text.color": INK,
        "grid.color": INK,
    }
    with mpl.rc_context(settings):
        yield new_figure


def _to_svg(figure: Figure, salt: str, label: str) -> str:
    """The ``<svg>`` element alone: ids salted so that figures do not share them, sizes left to the page."""
    import matplotlib as mpl
    from markupsafe import escape

    buffer = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": salt}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(<svg[^>]*?) (?:width|height)="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) (?:width|height)="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'\bid="([^"]+)"', lambda found: f'id="{salt}-{found[1]}"', svg)
    svg = re.sub(r'(url\(#|href="#)', lambda found: f"{found[1]}{salt}-", svg)
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(label)}"', 1)

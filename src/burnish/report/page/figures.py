"""Draw figures as inline SVG: their style, and the figure of rates with intervals.

matplotlib is imported when the first figure is drawn. Text, axes and grid use the page's text colour, so that one
figure serves the light and the dark theme. Not covered: curves (`report.page.curves`), histograms
(`report.page.lengths`), figures as files.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from burnish.report.rust_results import RustResult
from burnish.report.text import METRIC_NAMES, percent, percent_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#010203"
"""Placeholder of the page's text colour while drawing; replaced by ``currentColor`` in the SVG."""
WIDTH = 10.4
"""Width of every figure in inches: the page shows all at one scale, so that letters have one size."""
LEGEND_INCH = 0.2
"""Height of one legend line in inches."""
COLOURS = ("#3578e5", "#e07b2e", "#1f9d6b", "#a259d9", "#c94f6d", "#7d8a2e")
"""Colours with a contrast of at least 3 : 1 on the white and on the dark page."""


def rates_figure(results: Sequence[RustResult]) -> str:
    """Draw dot and 95 % interval of every rate, one panel per measure, one line per model."""
    with figure_style() as new_figure:
        figure = new_figure(WIDTH, 0.9 + 0.42 * len(results))
        figure.get_layout_engine().set(w_pad=0.12)  # otherwise 100 of one panel touches 0 of the next
        panels = figure.subplots(1, len(METRIC_NAMES), sharey=True, squeeze=False)[0]
        for panel, (metric, title) in zip(panels, METRIC_NAMES.items(), strict=True):
            for row, result in enumerate(results):
                estimate = result.rate(metric)
                if estimate is None:
                    continue
                rate, (low, high) = 100 * estimate.value, (100 * end for end in estimate.ci95)
                colour = COLOURS[row % len(COLOURS)]
                panel.plot([low, high], [row, row], color=colour, linewidth=2.2, solid_capstyle="round", clip_on=False)
                panel.plot([rate], [row], marker="o", markersize=6.5, color=colour, clip_on=False)
            panel.set_title(f"{title}, %", loc="left", fontsize=11)
            panel.set_xlim(0, 100)
            panel.set_ylim(len(results) - 0.5, -0.5)
            panel.tick_params(axis="y", length=0)
            panel.grid(axis="x", alpha=0.25)
        panels[0].set_yticks(range(len(results)), [result.name for result in results])
        lines = [
            f"{result.name}: {title} {percent(estimate.value)} % ({percent_interval(estimate.ci95)})"
            for result in results
            for metric, title in METRIC_NAMES.items()
            if (estimate := result.rate(metric)) is not None
        ]
        return to_svg(figure, "rates", "Rates with 95 % intervals. " + "; ".join(lines))


@contextmanager
def figure_style() -> Iterator[Any]:
    """Set the page's style; yield a function that makes a figure of a width and a height in inches."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    def new_figure(width_inch: float, height_inch: float) -> Figure:
        return Figure(figsize=(width_inch, height_inch), layout="constrained")

    settings: Any = {
        "svg.fonttype": "none",  # keep text as text: searchable, and in the page's colour
        "font.size": 10,
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


def legend_below(panel: Axes) -> None:
    """Put the legend under the panel and its label, since inside it would hide the curves."""
    from matplotlib.transforms import ScaledTranslation

    figure = panel.get_figure()
    assert figure is not None
    below = panel.transAxes + ScaledTranslation(0, -0.5, figure.dpi_scale_trans)
    panel.legend(
        *(panel.get_legend_handles_labels()),
        frameon=False,
        fontsize=10,
        loc="upper left",
        bbox_to_anchor=(0, 0),
        bbox_transform=below,
        borderaxespad=0,
        labelspacing=0.25,
    )


def to_svg(figure: Figure, salt: str, label: str) -> str:
    """Return the ``<svg>`` element: ids salted so that figures do not share them, without a size."""
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
    svg = re.sub(r'\bid="([^"]+)"', lambda match: f'id="{salt}-{match[1]}"', svg)
    svg = re.sub(r'(url\(#|href="#)', lambda match: f"{match[1]}{salt}-", svg)
    return svg.replace("<svg", f'<svg role="img" aria-label="{escape(label)}"', 1)

"""Draw histograms of prompt and answer lengths in tokens, one outline per measured stage.

Not covered: lengths of training rows (`report.terminal.lengths`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from burnish.report.page.figures import COLOURS, LEGEND_INCH, WIDTH, figure_style, legend_below, to_svg
from burnish.report.page.samples import StageAnswers

BINS = 40
MOST_STAGES = len(COLOURS)


def lengths_figure(answers: Sequence[StageAnswers]) -> str | None:
    """Draw prompt and completion tokens as an SVG; None when no stage counted tokens, or all are equal."""
    panels = []
    for title, field in (("prompt, tokens", "prompt_tokens"), ("answer, tokens", "completion_tokens")):
        lengths = {a.stage: [n for c in a.completions if (n := int(getattr(c, field)))] for a in answers}
        if len({value for values in lengths.values() for value in values}) > 1:
            panels.append((title, _distinct(lengths)))
    if not panels:
        return None
    import numpy as np

    with figure_style() as new_figure:
        lines = max(len(lengths) for _, lengths in panels)
        figure = new_figure(WIDTH, 2.6 + LEGEND_INCH * lines)
        axes = figure.subplots(1, 2, squeeze=False)[0]
        for panel in axes[len(panels) :]:
            panel.set_axis_off()
        for panel, (title, lengths) in zip(axes, panels, strict=False):
            shortest = min(min(values) for values in lengths.values())
            longest = max(max(values) for values in lengths.values())
            width = -(-(longest - shortest + 1) // BINS)
            bins = np.arange(shortest, longest + width + 1, width) - 0.5
            for colour, (stage, values) in zip(COLOURS, lengths.items(), strict=False):
                counts, edges = np.histogram(values, bins=bins)
                panel.stairs(counts, edges, color=colour, linewidth=1.5, label=stage)
            panel.set_title(title, loc="left", fontsize=11)
            panel.set_ylabel("answers", fontsize=10)
            for axis in (panel.xaxis, panel.yaxis):
                axis.get_major_locator().set_params(integer=True)
            panel.grid(alpha=0.25)
            legend_below(panel)
        return to_svg(figure, "lengths", _description(panels))


def length_rows(answers: Sequence[StageAnswers]) -> list[tuple[str, list[str]]]:
    """Return per stage the shortest, median, longest and mean answer, and how many were truncated."""
    rows = []
    for stage in answers:
        lengths = sorted(c.completion_tokens for c in stage.completions if c.completion_tokens)
        if lengths:
            cut = sum(c.finish_reason == "length" for c in stage.completions)
            middle = lengths[len(lengths) // 2]
            numbers = [lengths[0], middle, lengths[-1], f"{sum(lengths) / len(lengths):.1f}", cut]
            rows.append((stage.stage, [str(number) for number in numbers]))
    return rows


def _distinct(lengths: Mapping[str, list[int]]) -> dict[str, list[int]]:
    """Group stages with equal lengths, such as prompts of one task set; leave out stages without any."""
    together: dict[tuple[int, ...], list[str]] = {}
    for stage, values in lengths.items():
        if values:
            together.setdefault(tuple(sorted(values)), []).append(stage)
    named = {", ".join(stages) if len(stages) < 3 else f"{len(stages)} stages": v for v, stages in together.items()}
    return {name: list(values) for name, values in list(named.items())[:MOST_STAGES]}


def _description(panels: Sequence[tuple[str, Mapping[str, list[int]]]]) -> str:
    parts = [
        f"{title} of {stage}: {min(values)} to {max(values)}, mean {sum(values) / len(values):.0f}"
        for title, lengths in panels
        for stage, values in lengths.items()
    ]
    return "Histograms of lengths. " + "; ".join(parts)

"""The page: self-contained, complete, and inert whatever a model wrote."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from burnish.ledger.metrics import MetricRow
from burnish.report.page.html import ReportData, render_html, write_html
from burnish.report.page.samples import StageAnswers
from burnish.report.rust_results import rust_results
from burnish.score.summaries.summary import build_summary
from tests.report.example_report import answers, completion, reinforced_data, rollouts, run_data, task, verdict
from tests.score.example_verdicts import measured, passing, wrong

HOSTILE = "</script></article><script>alert(1)</script><img src=x onerror=alert(2)><!--<script>{{ 7*7 }}"


class Page(HTMLParser):
    """Collects elements, script texts and visible text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.text = ""
        self._script: dict[str, str | None] | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self._script = dict(attrs)
            self.scripts.append((self._script, ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._script = None

    def handle_data(self, data: str) -> None:
        if self._script is not None:
            self.scripts[-1] = (self._script, self.scripts[-1][1] + data)
        else:
            self.text += data

    def samples(self) -> Any:
        [text] = [text for attributes, text in self.scripts if attributes.get("id") == "sample-data"]
        return json.loads(text)


@pytest.fixture(scope="module")
def data() -> ReportData:
    return run_data()


@pytest.fixture(scope="module")
def page(data: ReportData) -> str:
    return render_html(data)


def hostile_run() -> ReportData:
    one = answers("base", ["compile_error"])
    diagnostic = one.verdicts[0].diagnostics[0].model_copy(update={"message": HOSTILE, "code": HOSTILE})
    bad_verdict = one.verdicts[0].model_copy(
        update={"code": HOSTILE, "diagnostics": (diagnostic,), "lints": (HOSTILE,), "detail": HOSTILE}
    )
    bad_task = task(0).model_copy(update={"family": HOSTILE, "reference": HOSTILE})
    return dataclasses.replace(
        run_data(4),
        summary=build_summary([measured("base", [bad_verdict], 1.0)]),
        recipe={"name": HOSTILE},
        digests={HOSTILE: HOSTILE},
        answers=[StageAnswers("base", [bad_task], [completion(0, HOSTILE)], [bad_verdict])],
    )


def test_the_page_loads_nothing_from_the_network(page: str) -> None:
    for tag, attributes in Page(page).elements:
        assert tag not in {"link", "img", "iframe", "object", "embed", "base"}
        assert "src" not in attributes
        for name in ("href", "xlink:href"):
            assert (attributes.get(name) or "#").startswith("#")
    assert not re.search(r"@import|url\((?!#)", page)


def test_the_content_policy_allows_the_embedded_script_alone(page: str) -> None:
    parsed = Page(page)
    [code] = [text for attributes, text in parsed.scripts if attributes.get("type") is None]
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    [policy] = [a["content"] or "" for tag, a in parsed.elements if tag == "meta" and "http-equiv" in a]
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def test_model_output_is_escaped() -> None:
    plain = Page(render_html(dataclasses.replace(hostile_run(), **harmless())))
    parsed = Page(render_html(hostile_run()))
    kinds = [tag for tag, _ in parsed.elements]
    assert kinds.count("script") == 2
    assert "img" not in kinds
    assert sorted(set(kinds)) == sorted({tag for tag, _ in plain.elements} | {"h3"})
    assert parsed.samples()["samples"][0]["code"] == HOSTILE
    assert HOSTILE in parsed.text  # recipe, digests and error messages, as text


def test_rollouts_are_escaped() -> None:
    one = rollouts(steps=1, group=1)
    first = one.rollouts[0]
    assert first.verdict is not None
    assert first.score is not None
    hostile = first.model_copy(
        update={
            "verdict": first.verdict.model_copy(update={"code": HOSTILE, "detail": HOSTILE}),
            "score": first.score.model_copy(update={"unscored_reason": HOSTILE, "components": {HOSTILE: 1.0}}),
        }
    )
    data = dataclasses.replace(reinforced_data(4), rollouts=[dataclasses.replace(one, rollouts=[hostile])])
    parsed = Page(render_html(data))
    assert [tag for tag, _ in parsed.elements].count("script") == 2
    assert "img" not in {tag for tag, _ in parsed.elements}
    assert parsed.samples()["samples"][-1]["reward"]["parts"] == {HOSTILE: 1.0}


def test_metric_names_are_escaped() -> None:
    rows = [MetricRow(HOSTILE, step, {HOSTILE: float(step)}) for step in range(3)]
    parsed = Page(render_html(dataclasses.replace(run_data(4), metrics=rows)))
    assert [tag for tag, _ in parsed.elements].count("script") == 2
    assert "img" not in {tag for tag, _ in parsed.elements}


def test_every_part_of_a_reinforced_run_has_its_section() -> None:
    parsed = Page(render_html(reinforced_data()))
    sections = [attributes.get("id") for tag, attributes in parsed.elements if tag == "section"]
    assert sections == ["result", "curves", "errors", "style", "samples", "time", "run"]
    links = [(a.get("href") or "")[1:] for tag, a in parsed.elements if tag == "a"]
    assert links == sections
    for part in (
        "7.0 GiB",
        "1.3 GiB",
        "10 min 40 s",
        "peak GPU memory",
        "6.0 GiB",
        "predicted memory",
        "parts of the reward",
        "clip ratio",
    ):
        assert part in parsed.text
    assert all(a.get("aria-label") for tag, a in parsed.elements if tag == "svg")


def test_syntax_metrics_show_the_idiom_score_first_and_leave_zeros_out() -> None:
    metrics = {"closures": 1.5, "idiom_score": 0.8, "idiom_documented": 0.5, "unwraps": 0.0}
    one = verdict(0, "ok").model_copy(update={"metrics": metrics})
    page = render_html(
        dataclasses.replace(run_data(4), summary=build_summary([measured("base", [one], 1.0)]), answers=[])
    )
    text = Page(page).text
    assert text.index("idiom score") < text.index("idiom documented") < text.index("closures")
    assert "1 more counts of the syntax tree" in text
    assert "unwraps" not in text


def harmless() -> dict[str, Any]:
    one = answers("base", ["compile_error"])
    return {
        "summary": build_summary([measured("base", one.verdicts, 1.0)]),
        "answers": [one],
        "recipe": {},
        "digests": {"a": "b"},
    }


def test_shows_what_was_run_and_what_came_out(data: ReportData, page: str) -> None:
    parsed = Page(page)
    base, tuned = rust_results(data.summary)
    for result in (base, tuned):
        assert f"{100 * result.kind.metrics['tests_passed'].value:.1f}" in parsed.text
    assert "measure-tuned against measure-base" in parsed.text
    assert "sha256:" + "ab" * 32 in parsed.text
    assert '"base": "nano"' in parsed.text
    assert "bubblewrap 0.8.0, namespaces, rlimits, seccomp" in parsed.text
    assert "E0308" in parsed.text
    assert "3 min 02 s" in parsed.text
    assert [tag for tag, _ in parsed.elements].count("svg") == 3  # rates, curves of sft, lengths
    assert "Some CPU, 2 cores" in parsed.text


@pytest.mark.parametrize(
    ("named", "heads"), [(None, "control against base"), (("base", "tuned"), "tuned against base")]
)
def test_the_named_pair_heads_the_page(named: tuple[str, str] | None, heads: str) -> None:
    verdicts = {"base": [verdict(0, "tests_failed")], "tuned": [verdict(0, "ok")], "control": [verdict(0, "ok")]}
    summary = build_summary([measured(name, of, 1.0) for name, of in verdicts.items()])
    page = render_html(dataclasses.replace(run_data(1), summary=summary, answers=[], metrics=[], headline=named))
    assert Page(page).text.split("tasks answered by both")[0].split("quickstart")[-1].strip().startswith(heads)


def test_tests_passed_stand_by_kind_of_task(data: ReportData, page: str) -> None:
    assert "Tests passed by kind of task" not in page
    verdicts = [passing("1"), wrong("2"), wrong("3")]
    families = {"1": "lints/a", "2": "lints/b", "3": "unseen-<b>/a"}
    divided = render_html(
        dataclasses.replace(data, summary=build_summary([measured("base", verdicts, families=families)]))
    )
    assert "Tests passed by kind of task" in divided
    assert "unseen-&lt;b&gt;" in divided


def test_every_sample_is_in_the_browser(data: ReportData, page: str) -> None:
    found = Page(page).samples()
    assert len(found["samples"]) == sum(len(answer.verdicts) for answer in data.answers)
    assert len(found["tasks"]) == 40


def test_rare_error_codes_are_added_up() -> None:
    def coded(number: int) -> Any:
        one = verdict(number, "compile_error")
        diagnostic = one.diagnostics[0].model_copy(update={"code": f"E{number:04d}"})
        return one.model_copy(update={"diagnostics": (diagnostic,)})

    verdicts = [coded(number) for number in range(20)]
    summary = build_summary([measured("base", verdicts, 1.0)])
    page = render_html(dataclasses.replace(run_data(1), summary=summary, answers=[], metrics=[]))
    assert "5 rarer ones, added up" in Page(page).text


def test_a_run_without_measurements_or_curves_has_a_page() -> None:
    page = render_html(
        ReportData(name="empty", summary=build_summary([]), recipe={}, digests={}, metrics=[], answers=[])
    )
    parsed = Page(page)
    assert "What was run" in parsed.text
    assert "Samples" not in parsed.text


def test_the_same_run_gives_the_same_bytes(data: ReportData, page: str) -> None:
    assert render_html(data) == page


def test_the_page_is_written_atomically(tmp_path: Path, data: ReportData, page: str) -> None:
    write_html(tmp_path / "runs" / "report.html", data)
    assert (tmp_path / "runs" / "report.html").read_text() == page
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["report.html"]

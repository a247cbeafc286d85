from __future__ import annotations

from burnish.records.summary import MetricMean
from burnish.score.summaries.rates import code_findings
from burnish.score.summaries.summary import summarise_verdicts
from tests.score.example_verdicts import broken, infra, measured, passing


def test_answers_without_a_metric_are_left_out_not_counted_as_zero() -> None:
    scored = [passing("a").model_copy(update={"metrics": {"functions": 1.0, "idiom_score": 0.5}})]
    scored.append(passing("b").model_copy(update={"metrics": {"functions": 4.0}}))
    means = code_findings([*scored, broken("c")]).metrics
    assert means == {"functions": MetricMean(mean=2.5, n=2), "idiom_score": MetricMean(mean=0.5, n=1)}
    code = measured("m", scored).summary().kinds[0].code
    assert code is not None
    assert code.metrics == means
    assert code_findings([broken("c")]).metrics == {}


def test_the_summary_of_a_file_counts_answers_with_infra_beside() -> None:
    verdicts = [
        passing("a", lints=("clippy::eq_op", "clippy::eq_op")).model_copy(update={"cpu_ms": 40.0}),
        broken("b", codes=("E0308", "E0061", "E0308")),
        broken("c", codes=(None,)).model_copy(update={"cpu_ms": 30.0, "cached": True}),
        infra("d"),
    ]
    summary = summarise_verdicts(verdicts)
    assert (summary["n"], summary["infra"], summary["cpu_ms"], summary["cached"]) == (4, 1, 40.0, 1)
    assert summary["reasons"] == {"compile_error": 2, "ok": 1, "infra": 1}
    assert summary["error_classes"] == {"types": 1, "syntax": 1}
    assert summary["error_codes"] == {"E0308": 1, "E0061": 1, "syntax": 1}
    assert summary["lints"] == {"clippy::eq_op": 1}
    rate = summary["rates"]["compile_rate"]
    assert rate["rate"] == 0.25
    assert rate["ci95"][0] < 0.25 < rate["ci95"][1]
    assert summary["rates"]["lint_free_rate"]["rate"] == 0

"""The frozen records that pass between stages, and the format of the files that hold them.

A record file is JSONL: one record per line, as ``record.to_json()`` writes it. Every record carries
``schema_version``; a reader refuses versions it does not know. Records hold data only: what acts on them
lives in the stages.
"""

from burnish.records.answer import (
    Completion,
    Diagnostic,
    Grading,
    Reason,
    Rollout,
    Score,
    Status,
    TestCounts,
    Verdict,
    VerifyStage,
)
from burnish.records.base import Part, Record, first_problem
from burnish.records.summary import Comparison, Metric, MetricMean, StageTime, Summary
from burnish.records.task import (
    Choice,
    CrateType,
    Edition,
    Exclusion,
    ExclusionReason,
    Message,
    ProgramRun,
    ProgramTests,
    Role,
    RustTests,
    Task,
    TaskExclusions,
    TaskKind,
    Tests,
    ValueCase,
    ValueTests,
)
from burnish.records.training import Example

__all__ = [
    "Choice",
    "Comparison",
    "Completion",
    "CrateType",
    "Diagnostic",
    "Edition",
    "Example",
    "Exclusion",
    "ExclusionReason",
    "Grading",
    "Message",
    "Metric",
    "MetricMean",
    "Part",
    "ProgramRun",
    "ProgramTests",
    "Reason",
    "Record",
    "Role",
    "Rollout",
    "RustTests",
    "Score",
    "StageTime",
    "Status",
    "Summary",
    "Task",
    "TaskExclusions",
    "TaskKind",
    "TestCounts",
    "Tests",
    "ValueCase",
    "ValueTests",
    "Verdict",
    "VerifyStage",
    "first_problem",
]

"""Score verdicts with reward shapes, one formula per file; `score_verdict` picks the shape by configuration.

Not covered: advantages of a group (`score.advantages`), judging (`verify`).
"""

"""Reward shapes: a verdict on one completion in, a `Score` out. One formula per file; `shape` picks by configuration.

Not covered: advantages of a group (`score.advantages`), judging (`verify`).
"""

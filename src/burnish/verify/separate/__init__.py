"""Run tests in Rust in a process without the answer, so that an answer cannot decide its own grade.

`travel` decides which types can cross, `declared` finds the functions that a task declares, `programs` writes both
programs, `joined` runs them, `decision` selects the tasks that are graded so, and `grading` makes the grade.
"""

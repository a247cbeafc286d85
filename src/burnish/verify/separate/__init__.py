"""Tests in Rust in a process that the answer is not in: an answer never decides its own grade.

`travel` says which types can cross, `declared` which functions a task declares, `programs` writes both programs,
`joined` runs them, `decision` says which tasks are graded so, and `grading` makes a grade of it.
"""

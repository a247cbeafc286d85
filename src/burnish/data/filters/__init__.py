"""Filter training rows; the formulas are in the docstrings of `rules`.

A row that is left out has one reason: that of the first filter, in the order of the configuration, that does not keep
it. Rust is judged by its syntax tree, parsed at most once per row; what a cheap look at path, length or text already
decides is decided without a tree.

Not covered: rows that cannot be read at all (`data.sources`), which rows are taken in which order
(`data.mixing.mixture`).
"""

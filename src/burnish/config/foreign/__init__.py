"""Configurations of other training systems, read into a recipe: one module per system, each with the table of its keys.

No code of theirs is run or imported. Not covered: their data, checkpoints and results.
"""

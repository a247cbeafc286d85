"""Convert configurations of other training systems into recipes, one module per system.

Each module has the table of its system's keys.

No code of theirs is run or imported. Not covered: their data, checkpoints and results.
"""

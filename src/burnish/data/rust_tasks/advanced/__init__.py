"""Harder built-in tasks, of levels 3 and 4: one file per kind, named with their shares in `families`."""

"""Provide the built-in tasks of levels 3 and 4: one file per kind; `families` lists them with their shares."""

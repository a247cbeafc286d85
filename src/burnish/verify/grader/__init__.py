"""Graders that cannot be talked into a pass: by value, by Rust tests, or by running a program."""

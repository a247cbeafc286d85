"""Grade candidates by values, by Rust tests, or by running a program, so that they cannot fake a pass."""

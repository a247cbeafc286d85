"""Provide external crates for tasks: built once from local sources in the sandbox, and kept read-only."""

"""Provide the built-in Rust task set: instructions composed from parts, with references and hidden value tests."""

from burnish.data.rust_tasks.build import build_rust_tasks

__all__ = ["build_rust_tasks"]

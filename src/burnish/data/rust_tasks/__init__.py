"""Provide the built-in Rust task set: instructions composed from parts, with references and hidden value tests."""

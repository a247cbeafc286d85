"""Rust source as a syntax tree: what every stage that looks at code shares. It judges nothing."""

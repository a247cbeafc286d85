"""Render tables for the terminal and one self-contained page per run. No torch."""

"""What to learn from among judged completions: `select` for fine-tuning, `pairs` for preferences and repairs."""

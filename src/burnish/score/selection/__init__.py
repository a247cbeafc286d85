"""Select training rows from judged completions: `select` for fine-tuning, `pairs` for preferences and repairs."""

"""Hold answers that try to earn a reward without solving their task, beside honest wrong and right ones."""

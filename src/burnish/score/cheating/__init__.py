"""Answers that try to earn a reward without solving their task, beside honest wrong ones and right ones."""

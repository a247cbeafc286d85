"""Build task sets from published data sets, one per file, with equal prompts in training and evaluation."""

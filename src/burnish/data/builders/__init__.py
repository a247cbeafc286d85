"""Builders of task sets from published data sets, one per file; they ask in training as they ask in measuring."""

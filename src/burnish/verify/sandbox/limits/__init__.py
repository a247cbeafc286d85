"""Measure what counts against the limits of a job: time, memory."""

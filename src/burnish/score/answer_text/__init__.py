"""Extract an answer from a text: visible text, cues, option lists, numbers and notation."""

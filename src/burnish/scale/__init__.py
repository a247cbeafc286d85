"""Run work in this process or several. Not covered yet: Ray."""

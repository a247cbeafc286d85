"""Where work runs: this process or several. Not covered yet: Ray."""

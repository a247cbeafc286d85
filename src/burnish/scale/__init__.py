"""Where work runs, in this process or several, and what memory it takes. Not covered yet: Ray."""

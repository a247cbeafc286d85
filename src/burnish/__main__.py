"""Run the command line as ``python -m burnish``."""

from burnish.cli import main

main()

"""What a checkout needs besides the package: set-up, and the generated reference."""

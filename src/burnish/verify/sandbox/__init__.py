"""Backends that run untrusted processes; `open_sandbox` gives the one that the configuration names, self-tested."""

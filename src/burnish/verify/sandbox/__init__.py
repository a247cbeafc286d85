"""Backends that run untrusted processes; `opening.open_sandbox` gives a self-tested one."""

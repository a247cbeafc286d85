"""Run untrusted processes in backends; `open_sandbox.open_sandbox` opens a self-tested one."""

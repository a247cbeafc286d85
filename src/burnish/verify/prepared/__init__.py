"""Start a compiler once per worker, inside a sandbox, and fork a child per job."""

from burnish.verify.prepared.sandbox import PreparedSandbox

__all__ = ["PreparedSandbox"]

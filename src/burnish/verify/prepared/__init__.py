"""A compiler that is started once per worker, inside a sandbox, and forks a child per job."""

from burnish.verify.prepared.sandbox import PreparedSandbox

__all__ = ["PreparedSandbox"]

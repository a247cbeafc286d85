"""Define every intended exception of burnish and the exit code of each family.

    BurnishError                  one line of cause, one line of way out
    ├── UserError            2    the request cannot be carried out
    │   ├── ConfigError           a recipe or --set value is wrong; carries file:line where known
    │   ├── DataError             a data file or row is missing, broken or unusable
    │   ├── GateError             training data failed a gate before the first step
    │   └── RunFolderError        the run folder is taken or belongs to another recipe
    ├── MissingToolError     3    a program or optional extra is not installed; way_out is the install command
    └── MachineError         4    the machine failed; says what is safe on disk
        ├── DiskError             no space, no permission
        ├── SandboxError          no sandbox passed its self-test, or it broke while running
        ├── EndpointError         a model's server is unreachable, or its answer is unreadable
        ├── InfraBudgetError      too many infrastructure faults for honest results
        └── DeviceMemoryError     the accelerator or the machine ran out of memory
            └── StepMemoryError   a training step did not fit; a smaller micro batch may

Ctrl-C is Python's own KeyboardInterrupt; the command line turns it into exit code 130.
"""

from __future__ import annotations

from typing import ClassVar


class BurnishError(Exception):
    """Base of all intended errors: ``cause`` names the problem, ``way_out`` the fix."""

    exit_code: ClassVar[int] = 1

    def __init__(self, cause: str, way_out: str) -> None:
        super().__init__(f"{cause} {way_out}")
        self.cause = cause
        self.way_out = way_out


class UserError(BurnishError):
    """The request cannot be carried out as given."""

    exit_code = 2


class ConfigError(UserError):
    """A configuration key or value is wrong."""


class DataError(UserError):
    """A data file or row is missing, broken or unusable."""


class GateError(UserError):
    """Training data failed a gate; nothing was trained."""


class RunFolderError(UserError):
    """The run folder is taken, locked or belongs to another recipe."""


class MissingToolError(BurnishError):
    """A program or optional extra is not installed; ``way_out`` holds the command that installs it."""

    exit_code = 3


class MachineError(BurnishError):
    """The machine failed, not the user; ``way_out`` says what is safe on disk."""

    exit_code = 4


class DiskError(MachineError):
    """No space left or no permission where burnish has to write."""


class SandboxError(MachineError):
    """No sandbox passed its self-test, or a sandbox broke while it was needed."""


class EndpointError(MachineError):
    """A model's server was unreachable or answered wrongly after all attempts."""


class InfraBudgetError(MachineError):
    """There were more infrastructure faults than the budget allows."""


class DeviceMemoryError(MachineError):
    """The accelerator or the machine ran out of memory."""


class StepMemoryError(DeviceMemoryError):
    """A training step did not fit on the accelerator; a smaller micro batch may."""

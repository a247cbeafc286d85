"""Keep what is costly to make, made once however many threads ask for it.

Not covered: keeping it past the life of the process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class MadeOnce(Generic[Value]):
    """Bounded store with one lock for each key, so that two threads that want the same value make it once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: dict[str, Value] = {}
        self._making: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, key: str, make: Callable[[], tuple[Value, bool]]) -> tuple[Value, bool]:
        """Return the value of ``key`` and whether it is new; ``make`` returns it and whether it is kept."""
        with self._lock:
            making = self._making.setdefault(key, threading.Lock())
        try:
            with making:
                with self._lock:
                    if key in self._held:
                        return self._held[key], False
                value, lasting = make()
                if lasting:
                    self._hold(key, value)
                return value, True
        finally:
            with self._lock:
                self._making.pop(key, None)

    def holds(self, key: str) -> bool:
        """Return whether there is a value of ``key``."""
        with self._lock:
            return key in self._held

    def _hold(self, key: str, value: Value) -> None:
        with self._lock:
            self._held[key] = value
            while len(self._held) > self._most:
                del self._held[next(iter(self._held))]

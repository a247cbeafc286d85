"""List the advanced kinds with their shares, and the kinds that no training set contains.

A kind is the first part of a combination (``Task.family`` up to the first slash). Of the kinds to learn a fifth of the
combinations is held out, as of the core tasks; of the unseen kinds everything is, so that a measured difference on them
is of tasks of another kind, not of other combinations of known parts.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from burnish.data.rust_tasks.advanced.borrows import draw_borrows
from burnish.data.rust_tasks.advanced.errors import draw_errors
from burnish.data.rust_tasks.advanced.formats import draw_formats
from burnish.data.rust_tasks.advanced.generics import draw_generics
from burnish.data.rust_tasks.advanced.helpers import draw_helpers, draw_word_helpers
from burnish.data.rust_tasks.advanced.invariants import draw_bounded, draw_container
from burnish.data.rust_tasks.advanced.iterators import draw_iterators
from burnish.data.rust_tasks.advanced.lints import draw_lints
from burnish.data.rust_tasks.draft import Draft

Family = tuple[Callable[[random.Random], Draft], float]

ADVANCED: tuple[Family, ...] = (
    (draw_iterators, 0.22),
    (draw_helpers, 0.13),
    (draw_word_helpers, 0.05),
    (draw_container, 0.12),
    (draw_bounded, 0.06),
    (draw_errors, 0.14),
    (draw_borrows, 0.14),
    (draw_lints, 0.14),
)
UNSEEN: tuple[Family, ...] = (
    (draw_formats, 0.5),
    (draw_generics, 0.5),
)
"""Held out whole; their shares are among themselves."""
UNSEEN_PREFIX = "unseen-"
"""Begins the names of these kinds, so that every table that goes by kind tells them apart."""
UNSEEN_SHARE = 1 / 3
"""Share of held-out advanced tasks that are of unseen kinds."""

"""Classify compiler errors by their codes, never by the words of a message.

| class | what went wrong |
| --- | --- |
| `syntax` | the parser stopped (errors without a code) |
| `names` | something is not found, private, or named twice |
| `types` | types, generics, or the number of arguments do not fit |
| `traits` | a trait is not implemented, or not as declared |
| `borrowing` | moves, borrows, mutability |
| `lifetimes` | a lifetime is missing or too short |
| `patterns` | a match is incomplete, or a pattern does not fit |
| `unsafe` | unsafe code outside an unsafe block |
| `constants` | evaluation at compile time failed |
| `lints` | a lint that is an error by default |
| `other` | any other code |

Source of the codes: the Rust compiler error index, 1.95. Not covered: the order of several errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

SYNTAX, LINTS, OTHER = "syntax", "lints", "other"
_CODE = re.compile(r"E\d{4}")
_CODES = {
    "names": """
        E0252 E0254 E0255 E0259 E0260 E0364 E0365 E0401 E0403 E0404 E0405 E0407 E0408 E0411 E0412 E0415
        E0416 E0422 E0423 E0424 E0425 E0426 E0428 E0429 E0430 E0431 E0432 E0433 E0434 E0437 E0438 E0451
        E0460 E0461 E0462 E0463 E0531 E0532 E0559 E0560 E0574 E0576 E0583 E0599 E0603 E0609 E0610 E0615
        E0616 E0624 E0658 E0659
    """,
    "types": """
        E0029 E0040 E0050 E0053 E0054 E0057 E0060 E0061 E0062 E0063 E0069 E0070 E0071 E0072 E0084 E0091
        E0107 E0117 E0121 E0124 E0128 E0131 E0191 E0220 E0221 E0223 E0225 E0229 E0244 E0267 E0268 E0271
        E0282 E0283 E0284 E0308 E0309 E0310 E0317 E0326 E0369 E0392 E0393 E0512 E0516 E0527 E0562 E0565
        E0572 E0600 E0604 E0605 E0606 E0607 E0608 E0614 E0617 E0618 E0620 E0621 E0631 E0635 E0689 E0728
        E0733 E0744 E0746 E0782 E0783
    """,
    "traits": """
        E0034 E0038 E0046 E0049 E0116 E0118 E0119 E0120 E0184 E0185 E0186 E0195 E0199 E0200 E0201 E0204
        E0205 E0207 E0210 E0275 E0276 E0277 E0322 E0323 E0324 E0325 E0366 E0367 E0368 E0371 E0390 E0592
        E0593
    """,
    "borrowing": """
        E0373 E0381 E0382 E0383 E0384 E0499 E0500 E0501 E0502 E0503 E0505 E0506 E0507 E0508 E0509 E0510
        E0521 E0524 E0525 E0594 E0595 E0596 E0713 E0716
    """,
    "lifetimes": """
        E0106 E0226 E0227 E0261 E0262 E0263 E0311 E0312 E0491 E0495 E0515 E0582 E0597 E0623 E0626 E0637
        E0700 E0712
    """,
    "patterns": """
        E0004 E0005 E0023 E0025 E0026 E0027 E0030 E0164 E0165 E0170 E0297 E0301 E0302 E0303 E0528 E0529
        E0533 E0586
    """,
    "unsafe": """
        E0133 E0197 E0198 E0453
    """,
    "constants": """
        E0010 E0015 E0080 E0435 E0492 E0493 E0764
    """,
}
_CLASS_OF = {code: name for name, codes in _CODES.items() for code in codes.split()}


def error_class(code: str | None) -> str:
    """Return the class of one error; the code None is a syntax error."""
    if code is None:
        return SYNTAX
    return _CLASS_OF.get(code, OTHER) if _CODE.fullmatch(code) else LINTS


def error_classes(codes: Iterable[str | None]) -> frozenset[str]:
    """Return the classes of a set of errors."""
    return frozenset(error_class(code) for code in codes)

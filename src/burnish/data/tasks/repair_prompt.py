"""What a model is told about code of its own that failed: the one text for repair turns and for repair data.

It holds what a programmer would see at the desk: the compiler's errors, how a run ended, how many hidden tests passed.
Never what a hidden test calls or expects; so ``Verdict.detail``, which may quote a test, is not read.

Not covered: choosing which failures are worth a repair.
"""

from __future__ import annotations

from burnish.records import Diagnostic, Message, Verdict

MOST_ERRORS = 3
"""Errors that are shown; rustc puts causes first, and further ones often follow from them."""
MOST_CHARACTERS = 800
"""Of one error as rustc prints it."""
ASK = "Write the whole code again, corrected."
_SAID = {
    "no_code": "Your answer holds no Rust code.",
    "too_long": "Your answer is much too long.",
    "timeout": "Your code takes too long.",
    "memory": "Your code needs too much memory.",
    "output_limit": "Your code writes too much output.",
    "blocked": "Your code does what is not allowed here, such as unsafe code.",
}


def repair_message(verdict: Verdict) -> Message:
    """The user's turn that follows the failing answer; ValueError for a pass and for infra, which ask for no repair."""
    if verdict.status != "fail":
        raise ValueError(f"a verdict of {verdict.status!r} asks for no repair")
    return Message(role="user", content=f"{_what_failed(verdict)}\n\n{ASK}")


def _what_failed(verdict: Verdict) -> str:
    if verdict.reason in _SAID:
        return _SAID[verdict.reason]
    if verdict.reason == "compile_error":
        return _compiler_said(verdict)
    counts = verdict.tests
    if not counts.expected:
        if verdict.reason == "runtime_error":
            return "Your code compiles, but it stops with an error when it runs."
        return "Your code compiles, but an item that the task asks for is missing or has another signature."
    ended = " and stops with an error" if verdict.reason == "runtime_error" else ""
    return f"Your code compiles{ended}; it passes {counts.passed} of {counts.expected} tests."


def _compiler_said(verdict: Verdict) -> str:
    # without a place and a code it is the linker, which speaks of files that the model does not know
    errors = [one for one in verdict.diagnostics if one.level == "error" and (one.code or one.line is not None)]
    if not errors:
        return "Your code does not build."
    shown = "\n\n".join(_shown(error) for error in errors[:MOST_ERRORS])
    more = len(errors) - MOST_ERRORS
    rest = f"\n\nand {more} more error{'s' if more > 1 else ''}." if more > 0 else ""
    return f"Your code does not compile:\n\n```text\n{shown}\n```{rest}"


def _shown(error: Diagnostic) -> str:
    code = f"[{error.code}]" if error.code else ""
    place = f"\n --> line {error.line}" if error.line is not None else ""
    text = error.rendered.strip() or f"error{code}: {error.message}{place}"
    return text if len(text) <= MOST_CHARACTERS else text[:MOST_CHARACTERS].rstrip() + " ..."

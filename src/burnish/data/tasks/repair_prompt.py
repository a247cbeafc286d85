"""Write the prompt that tells a model how its code failed, for repair turns and repair data.

It holds the compiler's errors, how a run ended, and how many hidden tests passed. It never holds what a hidden test
calls or expects; so ``Verdict.detail``, which may quote a test, is not read.

Not covered: choosing which failures are worth a repair.
"""

from __future__ import annotations

from burnish.records import Diagnostic, Message, Verdict

MOST_ERRORS = 3
"""Most errors shown; rustc prints causes first, and further errors often follow from them."""
MOST_CHARACTERS = 800
"""Most characters of one error as rustc prints it."""
ASK = "Write the whole code again, corrected."
_FEEDBACK = {
    "no_code": "Your answer holds no Rust code.",
    "too_long": "Your answer is much too long.",
    "timeout": "Your code takes too long.",
    "memory": "Your code needs too much memory.",
    "output_limit": "Your code writes too much output.",
    "blocked": "Your code does what is not allowed here, such as unsafe code.",
}


def repair_message(verdict: Verdict) -> Message:
    """Build the user turn that follows the failing answer; raise ValueError for a pass and for infra, which need no
    repair."""
    if verdict.status != "fail":
        raise ValueError(f"a verdict of {verdict.status!r} asks for no repair")
    return Message(role="user", content=f"{_what_failed(verdict)}\n\n{ASK}")


def _what_failed(verdict: Verdict) -> str:
    if verdict.reason in _FEEDBACK:
        return _FEEDBACK[verdict.reason]
    if verdict.reason == "compile_error":
        return _compiler_errors(verdict)
    counts = verdict.tests
    if not counts.expected:
        if verdict.reason == "runtime_error":
            return "Your code compiles, but it stops with an error when it runs."
        return "Your code compiles, but an item that the task asks for is missing or has another signature."
    ended = " and stops with an error" if verdict.reason == "runtime_error" else ""
    return f"Your code compiles{ended}; it passes {counts.passed} of {counts.expected} tests."


def _compiler_errors(verdict: Verdict) -> str:
    # errors without place and code come from the linker, and name files that the model does not know
    errors = [
        diagnostic
        for diagnostic in verdict.diagnostics
        if diagnostic.level == "error" and (diagnostic.code or diagnostic.line is not None)
    ]
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

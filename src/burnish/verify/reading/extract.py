"""Extract the program from a model's text: fenced blocks, bare code, or a continuation of the prompt's code.

Syntax decides, never bracket counting. Broken code is still code: the compiler reports what is wrong with it.

Not covered: code inside a line of prose.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

from burnish.syntax.crates import without_unused_imports
from burnish.syntax.fences import RUST, Block, fenced_blocks
from burnish.syntax.source import is_program, looks_like_code, name_of
from burnish.verify.reading.prompt import PromptCode, code_of_prompt
from burnish.verify.reading.prose import begins_as_code, code_in_prose, first_item
from burnish.verify.reading.several import choose, code_blocks
from burnish.verify.reading.shown import with_shown
from burnish.verify.reading.source import Source, tree
from burnish.verify.reading.spoken import answer_in

_MOST_BODIES = 8
"""Most blocks that are tried as a continuation of the prompt."""
_MOST_INNER, _MOST_INLINE = 4, 16
_GLUED = re.compile(r"(?<=[};)])`{3,}[ \t]*$", re.MULTILINE)
_INLINE = re.compile(r"(?<!`)(`{1,3})(?:rust[ \t])?([^`\n]*\{[^`\n]*)\1(?!`)")


def extract(
    text: str,
    code_prompt: str | None = None,
    entry_point: str | None = None,
    *,
    tests: str = "",
    closes: bool = False,
    prompt_text: str = "",
) -> str | None:
    """Return the program in ``text``, completed by ``code_prompt`` if the text continues it; None without code.

    ``code_prompt`` ends inside an open function, by default that of ``entry_point``, or has functions without bodies.
    The prompt's other items are added to a text that repeats the whole function. Imports of external crates that the
    prompt has and neither program nor ``tests`` use are left out. ``closes``: the tests begin with the last brace of a
    continuation. ``prompt_text`` is the instruction that the text answers, where that is no code: what the
    program or its ``tests`` name of the code that it shows is taken along.
    """
    answer = answer_in(text)
    if not _is_whole(answer, code_prompt or prompt_text):
        answer = _with_closing_lines(answer)
    code_prompt = code_prompt if code_prompt is not None or not prompt_text else code_of_prompt(prompt_text, answer)
    if code_prompt is None:
        program = _program(answer, entry_point)
        return with_shown(program, prompt_text, entry_point, tests) if program is not None and prompt_text else program
    prompt = PromptCode(code_of_prompt(code_prompt, answer) or code_prompt)
    code = _completed(prompt, answer, entry_point, closes=closes)
    return None if code is None else without_unused_imports(code, prompt.text, tests)


def _program(answer: str, entry_point: str | None) -> str | None:
    """Return the program of an answer that stands alone."""
    if _is_bare(answer):
        return answer
    blocks = _blocks(answer)
    sources = code_blocks(blocks)
    bare = code_in_prose(answer[: blocks[0].start]) if blocks else None
    if bare is not None:
        sources.insert(0, Source.of(bare))
    outside = _outside(answer, blocks)
    return (
        choose(sources, entry_point)
        or _bare_program(outside)
        or _inline_program(outside, entry_point)
        or _broken_program(outside)
    )


def _blocks(answer: str) -> list[Block]:
    """Return the fenced blocks; if the text begins as code, its first bare fence closes one that the prompt opened."""
    blocks = fenced_blocks(answer)
    if blocks and not blocks[0].label and answer[: blocks[0].start].strip():
        text = answer[: blocks[0].start]
        before = tree(text)
        broken = looks_like_code(before) and code_in_prose(text) is None and not code_blocks(blocks)
        if is_program(before) or broken:
            return fenced_blocks(answer, open_at_start=True)
    return _with_inner_fences(answer, blocks)


def _with_inner_fences(answer: str, blocks: list[Block]) -> list[Block]:
    """Extend a block whose end is a fence inside its own comment or string to the fence behind which it parses."""
    for index, block in enumerate(blocks):
        if block.language != RUST or not block.closed or not _is_cut(block.text):
            continue
        for later in blocks[index + 1 : index + 1 + _MOST_INNER]:
            for end in (later.start, later.inside[1]):
                text = answer[block.inside[0] : end]
                if is_program(tree(text)):
                    behind = [block for block in blocks[index + 1 :] if block.start > end]
                    whole = replace(block, text=text, inside=(block.inside[0], end), end=max(end, later.end))
                    return [*blocks[:index], whole, *behind]
        break
    return blocks


def _is_whole(answer: str, prompt: str) -> bool:
    """Return whether fences at ends of lines are within strings and comments: the answer is a program with them, alone,
    between words or behind its prompt."""
    glued = len(_GLUED.findall(answer))
    if not glued:
        return True
    if _is_bare(answer) or is_program(tree((code_of_prompt(prompt, answer) or prompt) + answer)):
        return True
    between_words = code_in_prose(answer) or ""
    return len(_GLUED.findall(between_words)) == glued


def _is_bare(answer: str) -> bool:
    """Return whether an answer is a program without words and fences, which is used unchanged."""
    return begins_as_code(answer) and is_program(tree(answer))


def _with_closing_lines(answer: str) -> str:
    """Move a fence right behind the last brace (``}```) to a line of its own."""
    for _ in range(_MOST_INNER):
        blocks = fenced_blocks(answer)
        at = next((at for block in blocks if (at := _glued_fence(answer, block)) is not None), None)
        if at is None and not blocks and (end := _GLUED.search(answer)) is not None:
            at = end.start()
        if at is None:
            break
        answer = f"{answer[:at]}\n{answer[at:]}"
    return answer


def _glued_fence(answer: str, block: Block) -> int | None:
    """Return the position of the fence that ends a block on a line of code; None without one, or if the block is
    complete."""
    begin, end = block.inside
    if block.language not in (RUST, "") or not (
        glued := list(islice(_GLUED.finditer(answer, begin, end), _MOST_INNER))
    ):
        return None
    if not block.closed and not answer[glued[-1].end() :].strip():
        return glued[-1].start()
    if not tree(block.text).has_error:
        return None
    return next((mark.start() for mark in glued if not tree(answer[begin : mark.start()]).has_error), None)


def _is_cut(text: str) -> bool:
    """Return whether a comment or a string may be open at the end of a text."""
    return text.count("/*") > text.count("*/") or text.count('"') % 2 == 1


def _outside(answer: str, blocks: Sequence[Block]) -> str:
    parts, at = [], 0
    for block in blocks:
        parts.append(answer[at : block.start])
        at = block.end
    return "".join([*parts, answer[at:]])


def _bare_program(text: str) -> str | None:
    """Return code without fences: a program, alone or between words."""
    return text if is_program(tree(text)) else code_in_prose(text)


def _broken_program(text: str) -> str | None:
    """Return broken code without fences, from its first item on."""
    if not looks_like_code(tree(text)):
        return None
    lines = text.split("\n")
    return "\n".join(lines[first_item(lines) or 0 :])


def _inline_program(text: str, entry_point: str | None) -> str | None:
    """Return functions between backticks inside of a line."""
    spans = [Source.of(f"{match[2].strip()}\n") for match in islice(_INLINE.finditer(text), _MOST_INLINE)]
    return choose([span for span in spans if span.is_program], entry_point)


def _completed(prompt: PromptCode, answer: str, entry_point: str | None, *, closes: bool) -> str | None:
    """Return the program of a text that continues the prompt, repeats its function, or is a body."""
    blocks = [] if _is_bare(answer) else fenced_blocks(answer)
    if closes and not blocks and not is_program(tree(answer)) and is_program(tree(f"{answer}\n}}")):
        answer = f"{answer}\n}}"
    bodies = [block.text for block in blocks if block.text.strip()][:_MOST_BODIES]
    before = answer[: blocks[0].start] if blocks else answer
    if not blocks or not blocks[0].label:  # without a fence, or the first fence closes one that the prompt opened
        whole = prompt.continued(before, entry_point, closes=closes)
        if whole is not None:
            return whole
    for body in bodies:
        whole = prompt.continued(body, entry_point, closes=closes or len(bodies) == 1)
        if whole is not None:
            return whole
    function = entry_point or (name_of(prompt.open_function) if prompt.open_function is not None else None)
    program = _program(answer, function)
    if program is not None and Source.of(program).keys:
        return prompt.around(program)
    for body in bodies or [answer]:
        filled = prompt.filled(body)
        if filled is not None:
            return filled
    text = (bodies or [answer])[0]
    return prompt.text + text if text.strip() else None

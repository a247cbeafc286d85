"""Takes the program out of what a model wrote: fenced blocks, bare code, or a continuation of the prompt's code.

Syntax decides, never bracket counting, and nothing is cut or repaired to make it compile. Fences follow CommonMark:
three or more backticks or tildes at the start of a line; an open last fence reaches to the end.

A thinking block that a text begins with is no answer, and neither are drafts in it; one that was never closed leaves
nothing. A tag further on is taken for what the program is about.

Not covered: code inside running prose without a fence.
"""

from __future__ import annotations

import re

from burnish.syntax.fences import rust_blocks
from burnish.syntax.source import (
    ITEMS,
    Item,
    function_named,
    is_program,
    looks_like_code,
    name_of,
    parse,
    text_of,
    top_items,
)

_THINKING = re.compile(r"\A\s*<(think|thinking|thought|reasoning)>(?:.*?</\1>|.*\Z)", re.DOTALL | re.IGNORECASE)
_PROMPT_OPENED = re.compile(r"\A(?:(?!<think>).)*?^\s*</think>", re.DOTALL | re.IGNORECASE | re.MULTILINE)
"""Templates that end in an opening tag leave a closing one alone in the answer, on a line of its own."""


def extract(text: str, code_prompt: str | None = None, entry_point: str | None = None) -> str | None:
    """The program in ``text``, completed by ``code_prompt`` where the text continues it; None when there is no code.

    ``code_prompt`` ends inside an open function, by default the one that ``entry_point`` means. A text that holds the
    whole function again takes the prompt's other items (imports, helpers) along; a text that has those too is taken as
    it is.
    """
    text = _PROMPT_OPENED.sub("", _THINKING.sub("", text))
    blocks = rust_blocks(text)
    if code_prompt is not None:
        return _continue(code_prompt, blocks or [text], entry_point or _open_function(code_prompt))
    if blocks:
        return _choose(blocks, entry_point)
    root = parse(text)
    return text if is_program(root) or looks_like_code(root) else None


def is_code_prompt(prompt: str, text: str) -> bool:
    """Whether ``text`` may continue ``prompt``: source that ends in an open brace, or is whole with a few closed.

    An instruction is none, not even one that quotes code: what answers it stands alone.
    """
    if prompt.rstrip().endswith("{"):
        return True
    return any(is_program(parse(whole)) for whole in (prompt + text, *(f"{prompt}\n{'}' * n}" for n in range(4))))


def _choose(blocks: list[str], entry_point: str | None) -> str | None:
    """One of several blocks, or all together when they make one program."""
    roots = [(block, parse(block)) for block in blocks]
    if len(blocks) > 1:
        together = "\n".join(blocks)
        names = [item.name for _, root in roots for item in top_items(root)]
        if len(names) == len(set(names)) and all(is_program(root) for _, root in roots):
            return together
    if entry_point is not None:
        for block, root in roots:
            if function_named(root, entry_point) is not None:
                return block
    for accept in (is_program, looks_like_code):
        for block, root in roots:
            if accept(root):
                return block
    return None


def _continue(prompt: str, texts: list[str], entry_point: str | None) -> str | None:
    """A text that completes the prompt, or one that repeats its function."""
    for text in texts:
        joined = prompt + text
        root = parse(joined)
        repeated = entry_point is not None and function_named(parse(text), entry_point) is not None
        if is_program(root) and not repeated:
            return joined
        if repeated:
            return _with_header(prompt, text)
    whole = _choose(texts, entry_point) if len(texts) > 1 else None
    if whole is not None:
        return _with_header(prompt, whole)
    return prompt + texts[0] if texts[0].strip() else None


def _with_header(prompt: str, text: str) -> str:
    """``text`` behind those items of the prompt that it does not repeat."""
    header = parse(prompt_header(prompt))
    own_root = parse(text)
    own = {item.name for item in top_items(own_root)}
    repeats_imports = any(n.type == "use_declaration" for n in own_root.named_children)
    kept: list[str] = []
    pending: list[str] = []  # attributes and comments, which go with the item that follows
    for node in header.named_children:
        pending.append(text_of(node))
        if node.type not in ITEMS:
            continue
        if name_of(node) not in own and not (node.type == "use_declaration" and repeats_imports):
            kept += pending
        pending = []
    return "\n".join([*kept, text])


def _open_function(prompt: str) -> str | None:
    """The name of the function that the prompt leaves open."""
    last = _last_function(prompt)
    return None if last is None else last.name


def prompt_header(prompt: str) -> str:
    """The prompt's complete items: all before the function that is left open."""
    last = _last_function(prompt)
    return "" if last is None else prompt.encode()[: last.node.start_byte].decode()


def _last_function(prompt: str) -> Item | None:
    closed = parse(prompt + "}")
    functions = [item for item in top_items(closed) if item.kind == "function_item"]
    return functions[-1] if functions and not closed.has_error else None

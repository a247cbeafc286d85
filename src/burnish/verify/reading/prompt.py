"""Find the code of a prompt, and complete it with an answer.

An answer continues where the prompt stops, or repeats functions of the prompt. Then it replaces what it defines, and
the prompt's imports, types and helpers stay. Unwritten functions of the prompt (an open head, a body that is empty or
``todo!()``, a signature that ends in ``;``) are filled, also a method by a bare function.

Not covered: a prompt that stops inside of an expression and is repeated by the answer.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from tree_sitter import Node

from burnish.syntax.fences import RUST, fenced_blocks
from burnish.syntax.source import apply_edits, is_program, name_of
from burnish.verify.reading.merge import merge
from burnish.verify.reading.prose import begins_as_code, code_in_prose, first_item
from burnish.verify.reading.source import Piece, Source, has_receiver, impl_name, is_unwritten, tree

_DEEPEST = 4
"""Braces that a prompt may leave open."""
_CONTAINERS = frozenset({"impl_item", "trait_item", "mod_item"})


@dataclass(frozen=True)
class PromptCode:
    """Code of a prompt."""

    text: str

    @functools.cached_property
    def open_braces(self) -> int | None:
        """Return how many closing braces complete the program; None if none do."""
        return _braces_to_close(self.text)

    @functools.cached_property
    def closed(self) -> Source | None:
        """Return the prompt with its open braces closed."""
        return None if self.open_braces is None else Source.of(_with_braces(self.text, self.open_braces))

    @functools.cached_property
    def open_function(self) -> Node | None:
        """Return the function in whose body the prompt stops."""
        last: Node | None = None
        node = self.closed.root if self.closed is not None and self.open_braces else None
        while node is not None and node.named_children:
            node = node.named_children[-1]
            if node.type == "function_item":
                last = node
            body = node.child_by_field_name("body")
            if node.type in _CONTAINERS and body is not None:
                node = body
            elif node.type != "function_item":
                break
        return last

    @functools.cached_property
    def unwritten(self) -> list[Node]:
        """Return unwritten functions: the open one, empty ones, bare signatures."""
        if self.open_function is not None:
            return [self.open_function]
        functions = _functions(self.closed.root) if self.closed is not None else []
        return [function for function in functions if is_unwritten(function)]

    def continued(self, text: str, entry_point: str | None, *, closes: bool) -> str | None:
        """Return the prompt followed by ``text``, if that is a program and repeats nothing.

        A container that the prompt opened around its function may stay open; so may the function itself with
        ``closes``, which means that its last brace is in the tests.
        """
        names = {entry_point, *map(name_of, self.unwritten)} - {None}
        source = Source.of(text)
        if any(source.defines(name) for name in names if name is not None):
            return None
        if source.is_program and self.closed is not None and source.keys & self.closed.keys:
            return None  # it brings anew what the prompt has whole
        joined = self.text + text
        most = self.open_braces or 0 if closes else max((self.open_braces or 0) - 1, 0)
        for braces in range(most + 1 if self.open_function is not None else 1):
            whole = joined + "\n" * (braces > 0) + "}" * braces
            if is_program(tree(whole)):
                return whole
        trimmed = code_in_prose(joined)
        return trimmed if trimmed is not None and len(trimmed) > len(self.text) else None

    def filled(self, text: str) -> str | None:
        """Return the prompt with ``text`` as the body of its only unwritten function."""
        if self.closed is None or self.open_braces or len(self.unwritten) != 1:
            return None
        function = self.unwritten[0]
        body = function.child_by_field_name("body")
        inner = text.strip()
        start, end = (
            (body.start_byte, body.end_byte) if body is not None else (function.end_byte - 1, function.end_byte)
        )
        for block in (inner, f"{{\n{inner}\n}}", f"{{\n{inner}"):
            whole = apply_edits(self.closed.text, [(start, end, block if body is not None else f" {block}")])
            if block.startswith("{") and is_program(tree(whole)):
                return whole
        return None

    def around(self, answer: str) -> str:
        """Return ``answer`` with the prompt's other items."""
        if self.closed is None:
            return answer
        source = Source.of(answer)
        prompt = self.closed.text
        edits: list[tuple[int, int, str]] = []
        for function in self.unwritten:
            method = _bare_method(source, function)
            if method is not None:
                edits.append((function.start_byte, function.end_byte, source.slice(method.start, method.end)))
                source = Source.of(apply_edits(source.text, [(method.start, method.end, "")]))
            elif function is self.open_function:
                edits.append((_with_attributes(function), function.end_byte, ""))
        header = Source.of(apply_edits(prompt, edits))
        return merge([header, source]) if source.text.strip() else header.text


def code_of_prompt(prompt: str, answer: str = "") -> str | None:
    """Return the code that an answer may continue; None if the prompt is an instruction.

    It is the whole prompt, what an open last fence holds, or what follows the words at the beginning; and the last
    fence of an instruction where it leaves a function open or to be written.
    """
    is_code = begins_as_code(prompt.removeprefix("\ufeff"))
    if is_code and PromptCode(prompt).open_braces is not None:
        return prompt
    blocks = fenced_blocks(prompt)
    if blocks:
        last = blocks[-1]
        if last.language not in (RUST, "") or not last.text.strip():
            return None
        return last.text if not last.closed or PromptCode(last.text).unwritten else None
    if is_code and is_program(tree(prompt + answer)):
        return prompt
    lines = prompt.split("\n")
    start = first_item(lines)
    code = "\n".join(lines[start:]) if start else None
    return code if code is not None and PromptCode(code).open_braces else None


@functools.lru_cache(maxsize=64)
def _braces_to_close(text: str) -> int | None:
    """Return how many closing braces complete a text to a program; cached, since many answers share a prompt."""
    return next((n for n in range(_DEEPEST + 1) if is_program(tree(_with_braces(text, n)))), None)


def _with_braces(text: str, braces: int) -> str:
    return f"{text}\n{'}' * braces}" if braces else text


def _functions(root: Node) -> list[Node]:
    functions: list[Node] = []
    containers = [root]
    while containers:
        for node in containers.pop().named_children:
            body = node.child_by_field_name("body")
            if node.type in ("function_item", "function_signature_item"):
                functions.append(node)
            elif node.type in ("impl_item", "mod_item") and body is not None:
                containers.append(body)
    return functions


def _bare_method(source: Source, function: Node) -> Piece | None:
    """Return the free function of ``source`` that is the method ``function``."""
    container = function.parent.parent if function.parent is not None else None
    if container is None or container.type != "impl_item":
        return None
    if ("member", f"{impl_name(container)}::{name_of(function)}") in source.keys:
        return None
    return next(
        (
            piece
            for piece in source.pieces
            if piece.node.type == "function_item"
            and name_of(piece.node) == name_of(function)
            and has_receiver(piece.node) == has_receiver(function)
        ),
        None,
    )


def _with_attributes(node: Node) -> int:
    """Return where the attributes and comments before an item begin."""
    start = node.start_byte
    while (before := node.prev_named_sibling) is not None and before.type in (
        "line_comment", "block_comment", "attribute_item",
    ):  # fmt: skip
        node, start = before, before.start_byte
    return start

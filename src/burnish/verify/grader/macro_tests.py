"""Count the tests that macros of the test source make, by the compiler, before any answer exists.

The skeleton of a test source holds its modules, its macros without the bodies of their functions, and the calls of
them. Built with libtest and run alone, it lists every test and which may panic and how. In the answer's own crate
the same macros, without the attributes that a harness alone understands, make functions that can be called by name.

Not covered: macros that are defined elsewhere than in the tests, attribute macros, and macros that pass ``#[test]`` on
as a variable; their tasks are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from tree_sitter import Node

from burnish.fsio import digest_json
from burnish.protocols import Job, JobResult, Sandbox
from burnish.records import Edition, RustTests
from burnish.syntax.literals import string_value
from burnish.syntax.source import apply_edits, name_of, parse, text_of, walk
from burnish.verify.compiler.cfg_conditions import holds
from burnish.verify.compiler.compile import RUN_LIMITS, Compiled, Compiler
from burnish.verify.compiler.toolchain import Toolchain
from burnish.verify.grader.rust_tests import (
    HARNESS_ATTRIBUTES,
    TestFunction,
    TestPlan,
    attribute_name,
    condition_of,
    macro_call,
)
from burnish.verify.once import MadeOnce

_BODY = '() { ::std::panic!("\\u{2}") }'
"""Body of the skeleton's functions; it contains no expected text."""
_QUALIFIERS = frozenset({"async", "unsafe", "const", "extern"})
_ITEM_ENDS = frozenset({";", ")", "}", "#", "fn"})
_RESULT = re.compile(r"^test (\S+)( - should panic)? \.\.\. (ok|FAILED|ignored)\b", re.MULTILINE)
_EXPECTED = re.compile(r'^---- (\S+) stdout ----$(?:(?!^---- ).*\n)*? expected substring: (".*")$', re.MULTILINE)
Edit = tuple[int, int, str]
_MOST_KEPT = 1024


@dataclass(frozen=True)
class MadeTests:
    """A plan with all tests counted, or the reason why there is none."""

    plan: TestPlan | None = None
    problem: str = ""
    fault: bool = False
    """Whether the machine failed, so that a retry may help."""
    cpu_ms: float = 0.0


class MacroTests:
    """Count the tests of sources whose macros make some; each source is compiled once.

    Safe to call from several threads.
    """

    def __init__(self, sandbox: Sandbox, toolchain: Toolchain, compiler: Compiler) -> None:
        self._sandbox = sandbox
        self._toolchain = toolchain
        self._compiler = compiler
        self._made: MadeOnce[MadeTests] = MadeOnce(_MOST_KEPT)

    def plan(self, tests: RustTests, plan: TestPlan, edition: Edition) -> MadeTests:
        """Return the plan with the compiler's tests, all callable by their paths."""
        key = digest_json([tests.model_dump(), edition])

        def counted() -> tuple[MadeTests, bool]:
            made = self._counted(tests, plan, edition)
            return made, not made.fault

        made, is_new = self._made.get(key, counted)
        return made if is_new else replace(made, cpu_ms=0.0)

    def _counted(self, tests: RustTests, plan: TestPlan, edition: Edition) -> MadeTests:
        bare = skeleton(tests.source)
        built = self._compiler.program_of({"tests.rs": bare}, edition, [], tests=True)
        if built.reason != "ok":
            return _refused(built)
        ran = self._run(built.artifact, tests.include_ignored)
        cpu_ms = built.cpu_ms + ran.cpu_ms
        if ran.fault or ran.exceeded or ran.exit_code not in (0, 101):
            return MadeTests(problem=ran.fault or "their program does not end", fault=bool(ran.fault), cpu_ms=cpu_ms)
        functions = listed_tests(ran.stdout.decode(errors="replace"))
        lost = {function.path for function in plan.functions} - {function.path for function in functions}
        if lost:
            return MadeTests(problem=f"the compiler does not find {min(lost)}", cpu_ms=cpu_ms)
        plain = {function.path for function in plan.functions}
        made = [function.path for function in functions if function.path not in plain]
        for handed in (False, True):
            calls = _calls(with_callable_macros(bare, handed=handed), made)
            reached = self._compiler.library_of({"tests.rs": calls}, edition, "made_tests")
            cpu_ms += reached.cpu_ms
            if reached.reason == "ok":
                return MadeTests(TestPlan(functions, with_callable_macros(plan.source, handed=handed)), cpu_ms=cpu_ms)
        return replace(_refused(reached), cpu_ms=cpu_ms)

    def _run(self, program: bytes, include_ignored: bool) -> JobResult:
        words = ("--test-threads=1", *(("--include-ignored",) if include_ignored else ()))
        return self._sandbox.run(
            Job(
                argv=("/box/program", *words),
                stage="run",
                limits=RUN_LIMITS,
                files={"program": program},
                executables=frozenset({"program"}),
                read_only=self._toolchain.runtime,
            )
        )


def skeleton(source: str) -> str:
    """Return a test source without everything that needs an answer."""
    return "\n".join(_skeleton(parse(source)))


def with_callable_macros(source: str, *, handed: bool = False) -> str:
    """Return a test source whose macros make functions that the crate can call, and none for a harness.

    ``handed``: functions written in a macro's arguments are made visible there, too.
    """
    edits: list[Edit] = []
    for node in walk(parse(source)):
        if node.type == "macro_definition":
            for rule in node.named_children:
                right = rule.child_by_field_name("right") if rule.type == "macro_rule" else None
                edits += _visible(right.children) if right is not None else ()
        if handed and macro_call(node):
            edits += _visible(_arguments(node))
        if node.type in ("token_tree", "token_tree_pattern", "token_repetition", "token_repetition_pattern"):
            edits += _attributes(node.children)
    return apply_edits(source, edits)


def listed_tests(stdout: str) -> tuple[TestFunction, ...]:
    """Return the tests that libtest ran in a skeleton, without ignored ones, in its order."""
    expected = {name: string_value(text) or "" for name, text in _EXPECTED.findall(stdout)}
    return tuple(
        TestFunction(name, expected.get(name, "") if panics else None)
        for name, panics, ended in _RESULT.findall(stdout)
        if ended != "ignored"
    )


def _calls(bare: str, made: Sequence[str]) -> str:
    """Return a crate that calls the functions made by a skeleton's macros."""
    calls = "".join(f" hidden::{path}();" for path in made)
    return f"mod hidden {{\n{bare}\n}}\npub fn calls() {{{calls} }}\n"


def _refused(built: Compiled) -> MadeTests:
    error = next((d.message for d in built.diagnostics if d.level == "error"), built.detail)
    return MadeTests(problem=error or built.reason, fault=built.reason == "infra", cpu_ms=built.cpu_ms)


def _skeleton(container: Node) -> Iterator[str]:
    attributes: list[Node] = []
    for node in container.named_children:
        if node.type == "attribute_item":
            attributes.append(node)
            continue
        if node.type in ("line_comment", "block_comment"):
            continue
        names = {attribute_name(attribute) for attribute in attributes}
        body = node.child_by_field_name("body")
        if all(holds(condition_of(attribute)) for attribute in attributes if attribute_name(attribute) == "cfg"):
            if node.type == "mod_item" and body is not None:
                yield f"pub(crate) mod {name_of(node)} {{"
                yield from _skeleton(body)
                yield "}"
            elif node.type == "macro_definition":
                yield _bare_macro(node)
            elif macro_call(node):
                call = _edited(node, _emptied(_arguments(node)))
                yield call if call.endswith(("}", ";")) else f"{call};"
            elif node.type == "function_item" and "test" in names:
                yield from (
                    text_of(attribute) for attribute in attributes if attribute_name(attribute) in HARNESS_ATTRIBUTES
                )
                yield f"fn {name_of(node)}{_BODY}"
        attributes = []


def _bare_macro(definition: Node) -> str:
    """Return a macro's definition without signatures, bodies, imports and impls."""
    edits: list[Edit] = []
    for rule in definition.named_children:
        right = rule.child_by_field_name("right") if rule.type == "macro_rule" else None
        edits += _emptied(right.children) if right is not None else ()
    return _edited(definition, edits)


def _arguments(call: Node) -> Sequence[Node]:
    """Return the tokens of a macro call."""
    return next((node.children for node in walk(call) if node.type == "token_tree"), ())


def _edited(node: Node, edits: Iterable[Edit]) -> str:
    """Return a node's text with edits at positions of its source."""
    begin = node.start_byte
    return apply_edits(text_of(node), [(start - begin, end - begin, text) for start, end, text in edits])


def _emptied(tokens: Sequence[Node]) -> Iterator[Edit]:
    at = 0
    while at < len(tokens):
        word = text_of(tokens[at])
        end = _body_behind(tokens, at)
        if word == "fn" and end is not None:
            yield tokens[at + 1].end_byte, tokens[end].end_byte, _BODY
            at = end
        elif word == "impl" and end is not None:
            yield tokens[at].start_byte, tokens[end].end_byte, ""
            at = end
        elif word == "use":
            end = next((i for i in range(at, len(tokens)) if text_of(tokens[i]) == ";"), at)
            yield tokens[at].start_byte, tokens[end].end_byte, ""
            at = end
        elif tokens[at].child_count:
            yield from _emptied(tokens[at].children)
        at += 1


def _visible(tokens: Sequence[Node]) -> Iterator[Edit]:
    """Make the functions and modules of a macro's result visible in the whole crate."""
    at = 0
    while at < len(tokens):
        word = text_of(tokens[at])
        end = _body_behind(tokens, at)
        if word in ("fn", "mod") and end is not None:
            first = at
            while first > 0 and (
                text_of(tokens[first - 1]) in _QUALIFIERS or tokens[first - 1].type == "string_literal"
            ):
                first -= 1
            if not _has_visibility(tokens[:first]):
                yield tokens[first].start_byte, tokens[first].start_byte, "pub(crate) "
            if word == "mod":
                yield from _visible(tokens[end].children)
            at = end
        elif word in ("impl", "trait") and end is not None:
            at = end
        elif word == "!":  # arguments of another macro, which must stay unchanged to match
            at += 1
        elif tokens[at].child_count:
            yield from _visible(tokens[at].children)
        at += 1


def _has_visibility(before: Sequence[Node]) -> bool:
    """Return whether these tokens end in ``pub``, ``pub(..)`` or a variable that may stand for one."""
    if not before:
        return False
    last = before[-1]
    of_pub = len(before) > 1 and text_of(before[-2]) == "pub" and last.type == "token_tree"
    return text_of(last) == "pub" or of_pub or last.type == "metavariable"


def _body_behind(tokens: Sequence[Node], at: int) -> int | None:
    """Return the position of the braces (or their variable) that end the item beginning at ``at``; None without."""
    word = text_of(tokens[at])
    if at + 1 >= len(tokens) or word not in ("fn", "mod", "impl", "trait"):
        return None
    if word in ("fn", "mod") and tokens[at + 1].type not in ("identifier", "metavariable"):  # a type: `fn(u8) -> u8`
        return None
    variable: int | None = None
    for place in range(at + 2, len(tokens)):
        text = text_of(tokens[place])
        if tokens[place].type == "token_tree" and text.startswith("{"):
            return place
        if text in _ITEM_ENDS:
            break
        if tokens[place].type == "metavariable":
            variable = place
    return variable if word == "fn" else None


def _attributes(tokens: Sequence[Node]) -> Iterator[Edit]:
    """Remove ``#[test]`` and its companions from a macro's tokens."""
    for mark, brackets in pairwise(tokens):
        inside = [text_of(token) for token in brackets.children[1:-1]]
        of_harness = bool(set(inside[:1]) & HARNESS_ATTRIBUTES) or inside == ["cfg", "(test)"]
        if text_of(mark) == "#" and text_of(brackets).startswith("[") and of_harness:
            yield mark.start_byte, brackets.end_byte, ""

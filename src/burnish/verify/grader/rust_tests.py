"""Plan and grade Rust test sources: ``#[test]`` functions, or an ``fn main`` with asserts.

The number of tests is read from the syntax tree before anything runs; in the answer's own process (`one_crate`), a
nonce protocol reports each one.

Not covered: tests that a macro makes, which only the compiler can count.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from tree_sitter import Node

from burnish.protocols import JobResult
from burnish.records import RustTests, TestCounts
from burnish.syntax.literals import string_value
from burnish.syntax.source import apply_edits, function_named, name_of, parse, text_of, walk
from burnish.syntax.standard_names import STANDARD_CRATES
from burnish.verify.compiler.cfg_conditions import holds
from burnish.verify.grader.crate_paths import path_head
from burnish.verify.grader.protocol import Grade, read_end, read_report

_NO_TESTS = frozenset({"thread_local", "compile_error", "lazy_static"})
"""Macros that make items other than functions."""
HARNESS_ATTRIBUTES = frozenset({"test", "ignore", "should_panic"})


@dataclass(frozen=True)
class TestFunction:
    """One test: its path inside the test source, and the expected panic text (None: it must not panic)."""

    __test__ = False  # not a pytest class

    path: str
    should_panic: str | None = None


@dataclass(frozen=True)
class TestPlan:
    """The tests of a source, and the source made callable from outside."""

    __test__ = False  # not a pytest class

    functions: tuple[TestFunction, ...]
    source: str
    by_macro: str = ""
    """The first macro call among items that may make tests, which only the compiler can count."""


def plan_tests(tests: RustTests) -> TestPlan:
    """Find the tests; ignored ones are left out unless ``include_ignored``.

    A source without ``#[test]`` counts its ``fn main`` as one test.
    """
    root = parse(tests.source)
    functions: list[TestFunction] = []
    edits: list[tuple[int, int, str]] = []
    containers: list[tuple[Node, str]] = [(root, "")]
    by_macro = ""
    while containers:
        container, path = containers.pop(0)
        attributes: list[Node] = []
        for node in container.named_children:
            if node.type == "attribute_item":
                attributes.append(node)
                continue
            if node.type == "inner_attribute_item" and container is root:
                edits.append((node.start_byte, node.end_byte, ""))
            if node.type not in ("line_comment", "block_comment"):
                left_in = all(holds(condition_of(a)) for a in attributes if attribute_name(a) == "cfg")
                edits += [(a.start_byte, a.end_byte, "") for a in attributes if _is_harness_attribute(a)]
                if not left_in:
                    attributes = []
                    continue
                by_macro = by_macro or macro_call(node)
                if node.type == "function_item":
                    edits += _visible(node)
                    functions += _test_function(node, attributes, path, tests.include_ignored)
                body = node.child_by_field_name("body")
                if node.type == "mod_item" and body is not None:
                    edits += _visible(node)
                    containers.append((body, f"{path}{name_of(node)}::"))
                attributes = []
    if not functions and function_named(root, "main") is not None:
        functions = [TestFunction("main")]
    return TestPlan(tuple(functions), apply_edits(tests.source, edits), by_macro)


def grade_rust_tests(result: JobResult, nonce: str, plan: TestPlan) -> Grade:
    """Count the harness's reports; only a complete report of passes is a pass."""
    expected = len(plan.functions)
    report = read_report(result.stdout, nonce, expected)
    passed = sum(word == "ok" for word, _ in report.results.values())
    counts = TestCounts(run=len(report.results), passed=passed, expected=expected)
    reason, detail = read_end(result)
    if reason != "ok":
        return Grade(reason, counts, detail)
    if report.complete and passed == expected and expected > 0:
        return Grade("ok", counts)
    failed = [plan.functions[i].path for i, (word, _) in report.results.items() if word != "ok"]
    stderr = result.stderr.decode(errors="replace").strip()[-400:]
    return Grade("tests_failed", counts, f"{', '.join(failed) or 'the program ended before its tests did'}: {stderr}")


def macro_call(node: Node) -> str:
    """Return the name of a macro called as an item, unless it is known to make no function."""
    call = node.named_children[0] if node.type == "expression_statement" and node.named_children else node
    if call.type != "macro_invocation" or not call.named_children:
        return ""
    name = text_of(call.named_children[0])
    return "" if name.split("::")[-1] in _NO_TESTS else f"{name}!"


def attribute_name(node: Node) -> str:
    """Return ``test`` of ``#[test]``."""
    inner = next((c for c in node.named_children if c.type == "attribute"), None)
    return text_of(inner.named_children[0]) if inner is not None and inner.named_children else ""


def _is_harness_attribute(node: Node) -> bool:
    words = [text_of(n) for n in walk(node) if n.type == "identifier"]
    return attribute_name(node) in HARNESS_ATTRIBUTES or words == ["cfg", "test"]


def condition_of(node: Node) -> str:
    """Return the text between the parentheses of an attribute."""
    tokens = next((n for n in walk(node) if n.type == "token_tree"), None)
    return text_of(tokens)[1:-1] if tokens is not None else ""


def _visible(node: Node) -> list[tuple[int, int, str]]:
    has_visibility = any(c.type == "visibility_modifier" for c in node.named_children)
    return [] if has_visibility else [(node.start_byte, node.start_byte, "pub(crate) ")]


def _test_function(node: Node, attributes: list[Node], path: str, include_ignored: bool) -> list[TestFunction]:
    by_name = {attribute_name(a): a for a in attributes}
    if "test" not in by_name or ("ignore" in by_name and not include_ignored):
        return []
    should_panic: str | None = None
    if "should_panic" in by_name:
        literals = (n for n in walk(by_name["should_panic"]) if n.type in ("string_literal", "raw_string_literal"))
        should_panic = next((string_value(text_of(literal)) or "" for literal in literals), "")
    return [TestFunction(path + name_of(node), should_panic)]


def given_imports(root: Node, crates: Collection[str]) -> list[str]:
    """Return the task's own standard imports, which tests may use by ``use super::*``."""
    known = {*STANDARD_CRATES, *crates}
    imports = []
    for node in root.named_children:
        argument = node.child_by_field_name("argument") if node.type == "use_declaration" else None
        if argument is not None and text_of(path_head(argument)) in known:
            imports.append(f"pub use {text_of(argument)};")
    return imports


def plain_imports(root: Node) -> list[str]:
    """Return a candidate's imports of standard types, for tests without a declared signature; renames are left out."""
    imports = []
    for node in root.named_children:
        argument = node.child_by_field_name("argument") if node.type == "use_declaration" else None
        if argument is None or text_of(path_head(argument)) not in STANDARD_CRATES:
            continue
        renames = any(n.type == "use_as_clause" for n in walk(argument))
        if not renames:
            imports.append(f"pub use {text_of(argument)};")
    return imports

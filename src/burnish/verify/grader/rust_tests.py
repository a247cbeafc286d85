"""Rust test sources (``#[test]`` functions, or an ``fn main`` with asserts) against a candidate in its own crate.

The tests stand in a crate of their own that reaches the candidate by explicit imports: no macro and no standard name of
the candidate's can replace one that the tests use. Where the task declares the entry point's signature, the tests call
a wrapper of that signature, so a return type of the candidate's own making does not compile. How many tests there are
is read from the syntax tree before anything runs; a nonce protocol reports each one.

This holds only for candidates built with ``-F unsafe_code``: the verdict is made inside the process. Value tests need
no such trust and are the better choice where they can be written.

Tests may also name the candidate's crate, as files under ``tests/`` do (`crate_paths`).

Not covered: macros as the thing to be tested; async tests.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass

from tree_sitter import Node

from burnish.protocols import JobResult
from burnish.records import RustTests, Task, TestCounts
from burnish.syntax.source import apply_edits, function_named, identifiers, name_of, parse, text_of, top_items, walk
from burnish.verify.compiler.cfg_conditions import holds
from burnish.verify.compiler.compile import CRATE
from burnish.verify.grader.crate_paths import PRIMITIVES, STANDARD_CRATES, lead_crate_paths, path_head
from burnish.verify.grader.own_process import confinement
from burnish.verify.grader.protocol import Grade, read_end, read_report

_PRELUDE = {
    *("Vec", "String", "Option", "Some", "None", "Result", "Ok", "Err", "Box", "Iterator", "IntoIterator", "Clone"),
    *("Copy", "Debug", "Default", "Drop", "Eq", "PartialEq", "Ord", "PartialOrd", "From", "Into", "ToString"),
    *("AsRef", "AsMut", "ToOwned"),
}
_STANDARD_NAMES = frozenset(PRIMITIVES | _PRELUDE | {"std", "core", "alloc", "main"})
"""Names that keep their standard meaning in tests, whatever the candidate defines."""
_NO_TESTS = frozenset({"thread_local", "compile_error", "lazy_static"})
"""Macros of items that are no functions."""
_HARNESS_ATTRIBUTES = frozenset({"test", "ignore", "should_panic"})

_MAIN = """
trait Outcome { fn passed(self) -> bool; }
impl Outcome for () { fn passed(self) -> bool { true } }
impl<T, E> Outcome for ::std::result::Result<T, E> { fn passed(self) -> bool { self.is_ok() } }

fn main() {
    let mut line = ::std::string::String::new();
    ::std::io::stdin().read_line(&mut line).unwrap();
    let nonce = line.trim();
    confinement::confine();
    for (index, (case, should_panic)) in CASES.iter().enumerate() {
        let passed = match (::std::panic::catch_unwind(*case), should_panic) {
            (Ok(passed), None) => passed,
            (Ok(_), Some(_)) => false,
            (Err(payload), wanted) => {
                let text = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<::std::string::String>()) {
                    (Some(text), _) => text.to_string(),
                    (None, Some(text)) => text.clone(),
                    (None, None) => ::std::string::String::new(),
                };
                ::std::mem::forget(payload);
                wanted.map_or(false, |part| text.contains(part))
            }
        };
        ::std::println!("\\n{nonce} {index} {}", if passed { "ok" } else { "failed" });
    }
    ::std::println!("\\n{nonce} end");
}
"""


@dataclass(frozen=True)
class TestFunction:
    """One test: its path inside the test source, and the panic text it wants (None: it must not panic)."""

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
    """The first macro call among items that may make tests; the compiler alone can count these."""


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
                left_in = all(holds(_condition(a)) for a in attributes if _attribute_name(a) == "cfg")
                edits += [(a.start_byte, a.end_byte, "") for a in attributes if _is_harness_attribute(a)]
                if not left_in:
                    attributes = []
                    continue
                by_macro = by_macro or _macro_call(node)
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


def rust_harness(plan: TestPlan, task: Task, code: str, traits: Collection[str] = ()) -> str:
    """Source of the harness crate for one candidate; its ``traits`` are imported for the sake of their methods."""
    wanted = identifiers(plan.source)
    given = task.code_prompt + "}" if task.code_prompt is not None else task.reference
    declared = parse(given) if given is not None else None
    if declared is not None:  # methods of a trait that the task itself speaks of
        wanted |= {item.name for item in top_items(declared) if item.kind == "trait_item"}
    candidate = parse(code)
    names = {item.name for item in top_items(candidate)} & wanted - _STANDARD_NAMES
    wrapper = _wrapper(declared, task.entry_point, names)
    if wrapper and task.entry_point is not None:
        names.discard(task.entry_point)
    imports = given_imports(declared, task.crates) if declared is not None else plain_imports(candidate)
    cases = [
        f"fn case_{index}() -> bool {{ Outcome::passed(hidden::{test.path}()) }}"
        for index, test in enumerate(plan.functions)
    ]
    table = ", ".join(
        f"(case_{index}, {'None' if t.should_panic is None else f'Some({json.dumps(t.should_panic)})'})"
        for index, t in enumerate(plan.functions)
    )
    parts = [
        f"extern crate {CRATE};",
        "mod visible {",
        *imports,
        *(f"pub use ::{CRATE}::{name};" for name in sorted(names | set(traits))),
        wrapper,
        "}",
        "mod hidden {\nuse super::visible::*;",
        lead_crate_paths(plan.source, candidate, task.crates, "crate::visible"),
        "}",
        *cases,
        f"const CASES: [(fn() -> bool, ::std::option::Option<&'static str>); {len(plan.functions)}] = [{table}];",
        confinement(),
        _MAIN,
    ]
    return "\n".join(parts)


def grade_rust_tests(result: JobResult, nonce: str, plan: TestPlan) -> Grade:
    """Count what the harness reported; only a complete report of passes is a pass."""
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
    said = result.stderr.decode(errors="replace").strip()[-400:]
    return Grade("tests_failed", counts, f"{', '.join(failed) or 'the program ended before its tests did'}: {said}")


def _macro_call(node: Node) -> str:
    """The name of a macro that is called where items stand, unless it is known to make no function."""
    call = node.named_children[0] if node.type == "expression_statement" and node.named_children else node
    if call.type != "macro_invocation" or not call.named_children:
        return ""
    name = text_of(call.named_children[0])
    return "" if name.split("::")[-1] in _NO_TESTS else f"{name}!"


def _attribute_name(node: Node) -> str:
    inner = next((c for c in node.named_children if c.type == "attribute"), None)
    return text_of(inner.named_children[0]) if inner is not None and inner.named_children else ""


def _is_harness_attribute(node: Node) -> bool:
    words = [text_of(n) for n in walk(node) if n.type == "identifier"]
    return _attribute_name(node) in _HARNESS_ATTRIBUTES or words == ["cfg", "test"]


def _condition(node: Node) -> str:
    """What stands in the parentheses of an attribute."""
    tokens = next((n for n in walk(node) if n.type == "token_tree"), None)
    return text_of(tokens)[1:-1] if tokens is not None else ""


def _visible(node: Node) -> list[tuple[int, int, str]]:
    has_visibility = any(c.type == "visibility_modifier" for c in node.named_children)
    return [] if has_visibility else [(node.start_byte, node.start_byte, "pub(crate) ")]


def _test_function(node: Node, attributes: list[Node], path: str, include_ignored: bool) -> list[TestFunction]:
    by_name = {_attribute_name(a): a for a in attributes}
    if "test" not in by_name or ("ignore" in by_name and not include_ignored):
        return []
    should_panic: str | None = None
    if "should_panic" in by_name:
        words = [n for n in walk(by_name["should_panic"]) if n.type == "string_content"]
        should_panic = text_of(words[0]) if words else ""
    return [TestFunction(path + name_of(node), should_panic)]


def _wrapper(declared: Node | None, entry_point: str | None, names: set[str]) -> str:
    """A function of the declared signature that calls the candidate's; empty where the signature cannot be repeated."""
    if declared is None or entry_point is None or entry_point not in names:
        return ""
    function = function_named(declared, entry_point)
    if function is None or any(c.type in ("function_modifiers", "where_clause") for c in function.named_children):
        return ""
    generics = function.child_by_field_name("type_parameters")
    if generics is not None and any(c.type not in ("lifetime_parameter", "lifetime") for c in generics.named_children):
        return ""
    parameters = function.child_by_field_name("parameters")
    types: list[str] = []
    for parameter in parameters.named_children if parameters is not None else []:
        kind = parameter.child_by_field_name("type")
        if parameter.type != "parameter" or kind is None or any(n.type == "abstract_type" for n in walk(kind)):
            return ""
        types.append(text_of(kind))
    result = function.child_by_field_name("return_type")
    if result is not None and any(n.type == "abstract_type" for n in walk(result)):
        return ""
    listed = ", ".join(f"a{i}: {kind}" for i, kind in enumerate(types))
    passed = ", ".join(f"a{i}" for i in range(len(types)))
    returns = f" -> {text_of(result)}" if result is not None else ""
    lifetimes = text_of(generics) if generics is not None else ""
    return f"pub fn {entry_point}{lifetimes}({listed}){returns} {{ ::{CRATE}::{entry_point}({passed}) }}"


def given_imports(root: Node, crates: Collection[str]) -> list[str]:
    """The task's own imports from the standard library and its crates, which tests may rely on by ``use super::*``."""
    known = {*STANDARD_CRATES, *crates}
    found = []
    for node in root.named_children:
        argument = node.child_by_field_name("argument") if node.type == "use_declaration" else None
        if argument is not None and text_of(path_head(argument)) in known:
            found.append(f"pub use {text_of(argument)};")
    return found


def plain_imports(root: Node) -> list[str]:
    """A candidate's imports of standard types, for tests without a declared signature; never under another name."""
    found = []
    for node in root.named_children:
        argument = node.child_by_field_name("argument") if node.type == "use_declaration" else None
        if argument is None or text_of(path_head(argument)) not in STANDARD_CRATES:
            continue
        renames = any(n.type == "use_as_clause" for n in walk(argument))
        if not renames:
            found.append(f"pub use {text_of(argument)};")
    return found

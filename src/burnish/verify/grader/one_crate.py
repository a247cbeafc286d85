"""Build answer and tests as one crate, as benchmarks publish them, for tests that cannot run in another process.

The answer is unedited, without its own ``#[cfg(test)]`` items; the hidden tests are a module in a file of their own,
declared before the answer's first item, so that the answer's macros cannot reach into it. They see what tests in the
answer's file would see, including its imports and private items, except that standard names and macros keep their
meaning and that the entry point has the task's signature. Tests that name the answer's crate, like files under
``tests/``, see only what they import.

Not covered: tests of the answer's macros, unless they are exported; async tests.
"""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from burnish.records import Task
from burnish.syntax.literals import string_literal
from burnish.syntax.source import (
    apply_edits,
    function_named,
    identifiers,
    last_name,
    name_of,
    parse,
    plain_name,
    text_of,
    top_items,
    walk,
)
from burnish.syntax.standard_names import PRELUDE_PATHS, PRIMITIVES, STANDARD_CRATES, STATEMENT_MACROS
from burnish.verify.compiler.compile import CRATE
from burnish.verify.grader.crate_paths import crate_named_by, path_head, with_paths_led
from burnish.verify.grader.implemented import names_of_made_items
from burnish.verify.grader.own_meaning import hidden_traits, made_by_fields
from burnish.verify.grader.own_process import confinement
from burnish.verify.grader.rust_tests import TestPlan

MODULE = "burnish_tests"
TESTS_FILE = f"{MODULE}.rs"
HIDDEN = "burnish_hidden"
_CASES, _TABLE = "burnish_cases", "BURNISH_CASES"
_INSIDE = f"crate::{MODULE}::{HIDDEN}"
_STD = "burnish_std"
"""Name of the standard library in a crate without its own."""
_OWN_KINDS = frozenset(
    {"struct_item", "enum_item", "union_item", "trait_item", "function_item", "const_item", "static_item", "mod_item"}
)
HARNESS = f"""
extern crate {CRATE};
fn main() {{
    let mut line = ::std::string::String::new();
    ::std::io::stdin().read_line(&mut line).unwrap();
    let nonce = line.trim();
    confinement::confine();
    for (index, (case, should_panic)) in {CRATE}::{MODULE}::{_TABLE}.iter().enumerate() {{
        let test = ::std::thread::Builder::new().name("test".into()).stack_size(8 << 20).spawn(*case).unwrap();
        let passed = match (test.join(), should_panic) {{
            (Ok(passed), None) => passed,
            (Ok(_), Some(_)) => false,
            (Err(payload), wanted) => {{
                let text = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<::std::string::String>()) {{
                    (Some(text), _) => text.to_string(),
                    (None, Some(text)) => text.clone(),
                    (None, None) => ::std::string::String::new(),
                }};
                ::std::mem::forget(payload);
                wanted.map_or(false, |part| text.contains(part))
            }}
        }};
        ::std::println!("\\n{{nonce}} {{index}} {{}}", if passed {{ "ok" }} else {{ "failed" }});
    }}
    ::std::println!("\\n{{nonce}} end");
}}
"""


def harness() -> str:
    """Return the source of the program that runs the tests of the crate; it is the same for all."""
    return HARNESS + confinement()


def answer_with_tests(code: str) -> str:
    """Declare the module of the tests before the answer's first item; lines stay in place."""
    root = parse(code)
    place = next((node.start_byte for node in root.children if not _stands_before_items(node)), len(code.encode()))
    standard = f"#[doc(hidden)] pub extern crate std as {_STD}; " if _goes_without_std(code) else ""
    return apply_edits(code, [(place, place, f"{standard}#[doc(hidden)] #[allow(warnings)] pub mod {MODULE}; ")])


def hidden_module(plan: TestPlan, task: Task, code: str) -> str:
    """Return the source of the tests' module."""
    answer = parse(code)
    given = task.code_prompt + "}" if task.code_prompt is not None else task.reference
    declared = parse(given) if given is not None else None
    names = {item.name for item in top_items(answer)}
    named = crate_named_by(plan.source, answer, task.crates)
    wrapped = wrapper(declared, task.entry_point, names)
    hidden = hidden_traits(code, plan.source, task.code_prompt, task.reference)
    source = with_paths_led(plan.source, named, f"crate::{MODULE}", _INSIDE)
    cases = [
        f"fn case_{index}() -> bool {{ Outcome::passed(super::{HIDDEN}::{test.path}()) }}"
        for index, test in enumerate(plan.functions)
    ]
    table = ", ".join(
        f"(case_{index}, {'::std::option::Option::None' if t.should_panic is None else _some(t.should_panic)})"
        for index, t in enumerate(plan.functions)
    )
    without_std = _goes_without_std(code)
    made = "\n".join(
        [
            f"mod {_CASES} {{",
            "pub trait Outcome { fn passed(self) -> bool; }",
            "impl<T: ::std::process::Termination> Outcome for T {",
            "fn passed(self) -> bool { self.report() == ::std::process::ExitCode::SUCCESS } }",
            *cases,
            f"pub static {_TABLE}: &[(fn() -> bool, ::std::option::Option<&str>)] = &[{table}];",
            "}",
            f"pub use self::{_CASES}::{_TABLE};",
        ]
    )
    parts = [
        "use super::*;",
        _led_to_std(_pinned(wrapped, answer, declared), without_std),
        wrapped,
        f"pub(crate) mod {HIDDEN} {{\n{source}",
        "" if named else "use super::*;",
        f"use crate::{_STD} as std;" if without_std else "",
        _led_to_std(_pinned(plan.source, answer, declared), without_std),
        *(f"#[allow(dead_code, non_camel_case_types)] type r#{name} = ();" for name in hidden),
        "}",
        _led_to_std(made, without_std),
    ]
    return "\n".join(parts)


def _goes_without_std(code: str) -> bool:
    return "no_std" in code


def _led_to_std(source: str, without_std: bool) -> str:
    """Redirect our own source to the crate's path of the standard library, if the crate has no name for it."""
    return source.replace("::std::", f"crate::{_STD}::") if without_std else source


def wrapper(declared: Node | None, entry_point: str | None, names: set[str]) -> str:
    """Return a function of the declared signature that calls the answer's; empty if it cannot be repeated."""
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
    return f"pub(crate) fn {entry_point}{lifetimes}({listed}){returns} {{ super::{entry_point}({passed}) }}"


def _some(text: str) -> str:
    return f"::std::option::Option::Some({string_literal(text)})"


def _stands_before_items(node: Node) -> bool:
    if node.type in ("line_comment", "block_comment"):
        text = text_of(node)
        return not text.startswith(("///", "/**")) or text.startswith(("////", "/***")) or text == "/**/"
    return node.type in ("inner_attribute_item", "shebang")


def _pinned(tests: str, answer: Node, declared: Node | None) -> str:
    """Return imports that keep the meaning of standard names and macros in tests, whatever the answer defines."""
    root = parse(tests)
    spoken = {text_of(node) for node in walk(root) if node.type in ("identifier", "type_identifier")}
    used = identifiers(tests) | {text_of(n) for n in walk(root) if n.type == "identifier" and _is_call(n)}
    own_names = {item.name for item in top_items(root)} | set(_imported(root))
    own_names |= {name_of(node) for node in walk(root) if node.type in ("macro_definition", "type_item")}
    if declared is not None:
        own_names |= {item.name for item in top_items(declared)} | set(_imported(declared))
    own_names |= _standard_by_another_path(answer) | made_by_fields(root)
    kept = [f"::std::{path}" for name, path in PRELUDE_PATHS.items() if name in used and name not in own_names]
    taken = {last_name(item.node) for item in top_items(answer)} | {plain_name(name) for name in _imported(answer)}
    taken |= names_of_made_items(answer)
    kept += [f"::std::primitive::{name}" for name in PRIMITIVES if name in taken and name not in own_names]
    kept += [f"::std::{name}" for name in STATEMENT_MACROS if name in spoken and name not in own_names]
    return "".join(f"use {path};\n" for path in kept)


def _is_call(node: Node) -> bool:
    after = node.next_sibling
    return after is not None and after.type == "!"


def _imported(root: Node) -> Iterator[str]:
    """Return names that imports bind, anywhere."""
    for node in walk(root):
        if node.type == "use_declaration":
            yield from (text_of(n) for n in walk(node) if n.type in ("identifier", "type_identifier"))


def _standard_by_another_path(answer: Node) -> set[str]:
    """Return standard names that the answer binds to other items of the standard library by import or alias."""
    names: set[str] = set()
    for node in answer.named_children:
        if node.type == "use_declaration":
            argument = node.child_by_field_name("argument")
            if argument is not None and text_of(path_head(argument)) in STANDARD_CRATES:
                names |= {
                    text_of(n)
                    for n in walk(argument)
                    if n.type in ("identifier", "type_identifier")
                    and (n.parent is None or n.parent.type != "use_as_clause")
                }
        elif node.type == "type_item":
            meant = node.child_by_field_name("type")
            if meant is not None and text_of(path_head_of_type(meant)) in (*STANDARD_CRATES, name_of(node)):
                names.add(name_of(node))
    return names - {item.name for item in top_items(answer) if item.kind in _OWN_KINDS}


def path_head_of_type(node: Node) -> Node:
    """Return the first segment of a type's path."""
    while node.named_children and node.type not in ("identifier", "type_identifier"):
        node = node.named_children[0]
    return node

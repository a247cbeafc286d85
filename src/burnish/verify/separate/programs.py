"""Write the sources of both programs: the tests with proxies of the declared functions, and the answer with a server.

The answer's text is unedited at its crate's root; additions are on its first line (an attribute) and behind its last
line (a child module). The test program knows nothing of any answer.

Not covered: compiling and running them.
"""

from __future__ import annotations

from collections.abc import Iterable

from tree_sitter import Node

from burnish.records import Edition
from burnish.syntax.source import apply_edits, function_named, parse
from burnish.syntax.standard_names import PRIMITIVES
from burnish.verify.separate.declared import Declared, Function, proxy_mark
from burnish.verify.separate.travel import Types, fields_of, variants_of

WIRE = "burnish_wire"
"""Crate name of the codec."""
SERVED = "burnish_served"
"""Name of the module behind an answer."""
ALONE_BEFORE = "#![no_main] "
"""Text before an answer that has a program of its own."""
HIDDEN = "burnish_hidden"
"""Module of the tests."""
_MAIN = (
    f"pub(crate) fn main() {{ let ended = ::std::process::Termination::report({HIDDEN}::main());"
    ' if ended != ::std::process::ExitCode::SUCCESS { ::std::panic!("the tests returned a failure") } }'
)
_RESULT = f"::{WIRE}::Decoded"


def source_of_tests(declared: Declared, tests: str, imports: Iterable[str] = ()) -> str:
    """Return the test program, to compile with ``--test`` unless the tests are an ``fn main``."""
    root = declared.root
    for number, function in enumerate(declared.functions):
        root = root.replace(proxy_mark(number), _proxy(number, function))
    parsed = parse(tests)
    edits = [(n.start_byte, n.end_byte, "") for n in parsed.children if n.type == "inner_attribute_item"]
    main = function_named(parsed, "main")
    if main is not None and not any(c.type == "visibility_modifier" for c in main.children):
        edits.append((main.start_byte, main.start_byte, "pub(crate) "))
    parts = [
        *declared.imports,
        *imports,
        root,
        _conversions(declared.types, ""),
        f"mod {HIDDEN} {{ use super::*;",
        apply_edits(tests, edits),
        "}",
    ]
    return "\n".join([*parts, _MAIN if main is not None else ""])


def source_of_answer(declared: Declared, answer: str, edition: Edition) -> str:
    """Return the answer's program, which serves calls until there are no more."""
    exported = "#[unsafe(no_mangle)]" if edition == "2024" else "#[no_mangle]"
    main = f'{exported} pub extern "C" fn main(_: i32, _: *const *const u8) -> i32 {{ ::{WIRE}::serve(call); 0 }}'
    served = server_module(declared, main)
    if "no_std" in answer:
        served = served.replace("::std::", f"::{WIRE}::standard_library::")
    answer = answer.removeprefix("\ufeff")
    if answer.startswith("#!") and not answer[2:].lstrip().startswith("["):  # a shebang must stay first
        first, _, rest = answer.partition("\n")
        return f"{first}\n{ALONE_BEFORE}{rest}{served}"
    return f"{ALONE_BEFORE}{answer}{served}"


def server_module(declared: Declared, main: str = "") -> str:
    """Return the module behind an answer: ``call()``, and ``main`` if the answer has a program of its own."""
    arms = "\n".join(f"{number} => {{ {_arm(function)} }}" for number, function in enumerate(declared.functions))
    return f"""
#[doc(hidden)] pub(crate) mod {SERVED} {{
{_conversions(declared.types, "super::")}
pub(crate) fn call(function: u16, question: &mut ::{WIRE}::Reader, reply: &mut ::{WIRE}::Writer) -> {_RESULT}<()> {{
match function {{
{arms}
_ => ::std::result::Result::Err(::{WIRE}::Malformed) }} }}
{main}
}}
"""


def _proxy(number: int, function: Function) -> str:
    """Return a function of the declared signature that calls the other process."""
    listed = ", ".join(f"a{i}: {parameter.proxy}" for i, parameter in enumerate(function.parameters))
    sent = "".join(
        f" call.argument({'&' if parameter.way == 'value' else '&*'}a{i});"
        for i, parameter in enumerate(function.parameters)
    )
    back = "".join(
        f" reply.update{'_slice' if parameter.way == 'slice' else ''}(a{i});"
        for i, parameter in enumerate(function.parameters)
        if parameter.way != "value"
    )
    kept = "unsafe " if function.is_unsafe else ""
    return (
        f"pub {kept}fn {function.name}{function.lifetimes}({listed}) -> {function.result} {{"
        f" let mut call = ::{WIRE}::Call::new({number});{sent} let mut reply = call.send();"
        f" let value = reply.value();{back} reply.finish(value) }}"
    )


def _arm(function: Function) -> str:
    """Return code that decodes the arguments, calls, and encodes the result and the ``&mut`` arguments."""
    parameters = list(enumerate(function.parameters))
    names = "".join(f"mut a{i}, " for i, _ in parameters)
    types = "".join(f"{parameter.server}, " for _, parameter in parameters)
    decoded = f"let ({names}): ({types}) = ::{WIRE}::arguments(question)?;" if parameters else "question.end()?;"
    # the caller's closure may be called twice as far as its type says, so a value to be moved is taken out of an option
    moved = [f"a{i}" for i, p in parameters if p.way == "value" and not _is_copied(p.server)]
    decoded += "".join(f" let mut {name} = ::std::option::Option::Some({name});" for name in moved)
    taken = "".join(f" let ::std::option::Option::Some({name}) = {name}.take() else {{ return }};" for name in moved)
    passed = ", ".join(f"a{i}" if parameter.way == "value" else f"&mut a{i}" for i, parameter in parameters)
    called = f"super::{function.name}({passed})"
    called = f"unsafe {{ {called} }}" if function.is_unsafe else called
    back = "".join(
        f" ::{WIRE}::Encode::encode(&a{i}, reply);" for i, parameter in parameters if parameter.way != "value"
    )
    return (
        f"{decoded} ::{WIRE}::reply_with(reply, &mut |out| {{{taken} let value: {function.server_result} = {called};"
        f" ::{WIRE}::Encode::encode(&value, out) }});{back} ::std::result::Result::Ok(())"
    )


def _is_copied(kind: str) -> bool:
    """Return whether values of a type are copied where they are used: numbers and shared references."""
    return kind.startswith("&") or kind in PRIMITIVES


def _conversions(types: Types, own: str) -> str:
    """Return code that encodes and decodes the task's types: a number for the variant, then the fields in order."""
    return "\n".join(_conversion(f"{own}{name}", node) for name, node in types.used.items())


def _conversion(path: str, node: Node) -> str:
    shapes = [(path, fields_of(node))] if node.type == "struct_item" else []
    if node.type == "enum_item":
        shapes = [(f"{path}::{_name(variant)}", fields_of(variant)) for variant in variants_of(node)]
    writing, reading = [], []
    for number, (shape, fields) in enumerate(shapes):
        taken = ", ".join(f"{name}: f{i}" for i, (name, _) in enumerate(fields))
        written = "".join(f" ::{WIRE}::Encode::encode(f{i}, out);" for i in range(len(fields)))
        made = ", ".join(f"{name}: ::{WIRE}::Decode::decode(from)?" for name, _ in fields)
        writing.append(f"{shape} {{ {taken} }} => {{ out.push({number});{written} }}")
        reading.append(f"{number} => {shape} {{ {made} }},")
    if not shapes:  # an enum without variants has no value
        writing.append("_ => ::std::unreachable!()")
    refused = f"_ => return ::std::result::Result::Err(::{WIRE}::Malformed)"
    return (
        f"impl ::{WIRE}::Encode for {path} {{ fn encode(&self, out: &mut ::{WIRE}::Writer) {{"
        f" match self {{ {' '.join(writing)} }} }} }}\n"
        f"impl ::{WIRE}::Decode for {path} {{ fn decode(from: &mut ::{WIRE}::Reader) -> {_RESULT}<Self> {{"
        f" let variant = from.byte()?; from.inside(|from| ::std::result::Result::Ok(match variant {{"
        f" {' '.join(reading)} {refused} }})) }} }}"
    )


def _name(variant: Node) -> str:
    name = variant.child_by_field_name("name")
    assert name is not None
    return (name.text or b"").decode()

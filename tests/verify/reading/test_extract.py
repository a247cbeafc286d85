from __future__ import annotations

import pytest

from burnish.syntax.source import function_named, parse
from burnish.verify.reading import extract
from burnish.verify.reading.prompt import code_of_prompt

PROMPT = "use std::collections::HashMap;\n\nfn helper() -> i32 {\n    1\n}\n\nfn f(a: i32) -> i32 {\n"
WHOLE = "fn f(a: i32) -> i32 {\n    a + 1\n}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Here:\n```rust\nfn a() {}\n```\nDone.", "fn a() {}\n"),
        ("```rs\nfn a() {}\n```", "fn a() {}\n"),
        ("```\nfn a() {}\n```", "fn a() {}\n"),
        ("```rust,ignore\nfn a() {}\n```", "fn a() {}\n"),
        ("~~~Rust\nfn a() {}\n~~~", "fn a() {}\n"),
        ("````rust\n// ```\nfn a() {}\n````", "// ```\nfn a() {}\n"),
        ("```rust\nfn a() {", "fn a() {"),
        ("fn a() {}\n", "fn a() {}\n"),
        ("fn a( {", "fn a( {"),
        ("```python\nprint(1)\n```", None),
        ("I cannot do that; use the function for it.", None),
        ("", None),
        ("```rust\n```", None),
    ],
)
def test_programs_are_extracted_from_answers(text: str, expected: str | None) -> None:
    assert extract(text) == expected


def test_blocks_that_make_one_program_are_joined() -> None:
    assert extract("```rust\nstruct A;\n```\nand\n```rust\nfn f(_: A) {}\n```") == "struct A;\n\nfn f(_: A) {}\n"


def test_the_last_version_with_the_entry_point_wins_over_fragments_and_earlier_ones() -> None:
    text = (
        "```rust\nlet x = f(1);\n```\n```rust\nfn f(a: i32) -> i32 { a }\n```\n```rust\nfn f(a: i32) -> i32 { -a }\n```"
    )
    assert extract(text, entry_point="f") == "fn f(a: i32) -> i32 { -a }\n"


def test_a_body_continues_the_prompt() -> None:
    assert extract("    a + 1\n}\n", PROMPT, "f") == PROMPT + "    a + 1\n}\n"
    assert extract("```rust\n    a + 1\n}\n```", PROMPT, "f") == PROMPT + "    a + 1\n}\n"


@pytest.mark.parametrize("text", [WHOLE, f"Sure:\n```rust\n{WHOLE}```"])
def test_a_whole_function_takes_the_prompts_other_items_along(text: str) -> None:
    code = extract(text, PROMPT, "f")
    assert code is not None
    root = parse(code)
    assert not root.has_error
    assert code.count("fn f(") == 1
    assert code.count("use std") == 1
    assert function_named(root, "helper") is not None


def test_a_whole_program_is_taken_as_it_is() -> None:
    whole = f"use std::collections::HashMap;\nfn helper() -> i32 {{ 2 }}\n{WHOLE}"
    assert extract(whole, PROMPT, "f") == whole


def test_broken_continuations_are_not_repaired() -> None:
    assert extract("    a + 1\n", PROMPT, "f") == PROMPT + "    a + 1\n"


def test_attributes_go_with_their_items() -> None:
    prompt = "#[derive(Debug)]\nstruct P(i32);\n\nfn f(p: P) -> i32 {\n"
    code = extract("struct P(i32);\nfn f(p: P) -> i32 { p.0 }", prompt, "f")
    assert code == "struct P(i32);\nfn f(p: P) -> i32 { p.0 }"


def test_a_fragment_beside_prose_blocks_is_taken_when_nothing_better_is_there() -> None:
    assert extract("```\nls -l\n```\n```rust\nfn f( {\n```\n", entry_point="g") == "fn f( {\n"
    assert extract("```\nls -l\n```\n```\nmore words\n```\n", entry_point="g") is None


def test_of_several_blocks_the_whole_function_is_found_behind_its_helpers() -> None:
    text = "```rust\nlet x = 1;\n```\n```rust\nstruct Helper;\n```\n"
    joined = extract(text, PROMPT, "f")
    assert joined is not None
    assert "struct Helper;" in joined
    assert "use std::collections::HashMap;" in joined


def test_the_function_left_open_is_the_one_that_is_repeated_where_nothing_names_it() -> None:
    code = extract(WHOLE, PROMPT)
    assert code == extract(WHOLE, PROMPT, "f")
    assert code is not None
    assert code.count("fn f(") == 1


@pytest.mark.parametrize(
    ("prompt", "text", "expected"),
    [
        (PROMPT, "    a + 1\n}\n", True),
        ("struct A;\nimpl A {\n    fn f() -> i32 {\n        // one", "1 } }", True),
        ("fn f() -> i32 {\n    let x =", " 1; x }", True),
        ("/// Adds.\n#[must_use]\n", "fn f() -> i32 { 1 }", True),
        ("Write `fn f(a: i32) -> i32`.", WHOLE, False),
        ("Complete this:\n```rust\nfn f(a: i32) -> i32 {\n```\n", WHOLE, True),
        ("Complete this:\n```rust\nfn f(a: i32) -> i32 { todo!() }\n```\n", WHOLE, True),
        ("Fix this:\n```rust\nfn f(a: i32) -> i32 { a - 1 }\n```\n", WHOLE, False),
        ("Complete this:\n```rust\nfn f(a: i32) -> i32 {\n", "    a\n}\n```\n", True),
        ("Complete this:\n\nfn f(a: i32) -> i32 {\n", WHOLE, True),
        ("It begins with {", WHOLE, False),
        ("Add one.", "    a + 1\n}\n", False),
    ],
)
def test_what_an_answer_may_continue_is_code(prompt: str, text: str, expected: bool) -> None:
    assert (code_of_prompt(prompt, text) is not None) is expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("<think>\n```rust\nfn draft() {}\n```\n</think>\n```rust\nfn f() {}\n```\n", "fn f() {}\n"),
        ("```rust\nfn draft() {}\n```\nNo.\n</think>\n\nfn f() {}\n", "fn f() {}"),
        ("<think>\n```rust\nfn draft() {}\n```\n", None),
        ("<think>fn draft() {}", None),
        ('```rust\nfn f() -> &\'static str { "<think>" }\n```\n', 'fn f() -> &\'static str { "<think>" }\n'),
        ('fn f() -> &\'static str { "</think>" }', 'fn f() -> &\'static str { "</think>" }'),
    ],
)
def test_thinking_is_not_part_of_the_answer(text: str, code: str | None) -> None:
    found = extract(text)
    assert (found.strip() if found is not None else None) == (code.strip() if code is not None else None)


FENCE = "`" * 3


@pytest.mark.parametrize(
    "answer",
    [
        f'fn f(a: i32) -> &\'static str {{\n    "{{}}{FENCE}\n}}"\n}}\n',
        f"/// As in {{}}{FENCE}\nfn f(a: i32) -> i32 {{ a }}\n",
        f"/*\nfn old() {{}}{FENCE}\n*/\nfn f(a: i32) -> i32 {{ a }}\n",
        f'fn f(a: i32) -> &\'static str {{ r#"\n{FENCE}rust\nfn g() {{}}{FENCE}\n"# }}\n',
        f"/**\n{FENCE}\nlet x = f(1);\n{FENCE}\n*/\nfn f(a: i32) -> i32 {{ a }}\n",
        f"/// Adds.\nfn f(a: i32) -> i32 {{ a }}\n/*\n{FENCE}\nlet x = f(1);\nx\n{FENCE}\n*/\n",
        f"\n\n// }}{FENCE}\nfn f(a: i32) -> i32 {{ a }}\n",
        f"fn f(a: i32) -> i32 {{ a }} // }}{FENCE}\n",
        f'const S: &str = "a;{FENCE}\n";\nfn f(a: i32) -> i32 {{ a }}\n',
        f'fn f(a: i32) -> String {{ format!("{{a}}{FENCE}\n") }}\n',
    ],
)
def test_a_program_with_fences_in_strings_and_comments_is_used_unchanged(answer: str) -> None:
    prompt = "fn f(a: i32) -> i32 {\n"
    assert extract(answer) == answer
    assert extract(answer, entry_point="f", prompt_text="Write `f`.") == answer
    assert extract(answer, prompt, "f") == answer


def test_a_fence_in_a_string_stays_behind_a_prompt_and_between_words() -> None:
    body = f'    let s = "{{}}{FENCE}\n}}";\n    a + s.len() as i32\n}}\n'
    assert extract(body, PROMPT, "f") == PROMPT + body
    code = f'fn f() -> &\'static str {{\n    "{{}}{FENCE}\n}}"\n}}\n'
    assert extract(f"Here it is.\n\n{code}\nThat is all.\n") == code


def test_a_fence_right_behind_code_still_ends_it() -> None:
    assert extract(f"fn f() -> u8 {{ 1 }}{FENCE}\nThat is it.") == "fn f() -> u8 { 1 }\n"
    assert extract(f"    a + 1\n}}{FENCE}\n", PROMPT, "f") == f"{PROMPT}    a + 1\n}}\n"

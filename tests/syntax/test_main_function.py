from __future__ import annotations

import pytest

from burnish.syntax.main_function import has_main

MODULE = "mod app { pub fn main() {} pub fn run() {} }\n"
MACRO = "macro_rules! make { ($name:ident) => { fn $name() {} }; }\n"


@pytest.mark.parametrize(
    ("source", "program"),
    [
        ("fn main() {}", True),
        ("pub async fn main() {}", True),
        (f"{MODULE}use app::main;", True),
        (f"{MODULE}pub use app::{{main, run}};", True),
        (f"{MODULE}use app::run as main;", True),
        (f"{MODULE}use app::*;", True),
        (f"{MACRO}make!(main);", True),
        (f"{MACRO}make! {{ main }}", True),
        ("macro_rules! whole { () => { fn main() {} }; }\nwhole!();", True),
        ("// fn main() {}", False),
        (MODULE, False),
        (f"{MODULE}use app::main as run;", False),
        (f"{MODULE}use app::run;", False),
        ("mod app { pub fn run() {} }\nuse app::*;", False),
        (f'{MACRO}make!(run); const A: &str = "main";', False),
        ("macro_rules! whole { () => { fn main() {} }; }", False),
        ("use main::run;", False),
        ("", False),
    ],
)
def test_a_program_has_a_main_imports_one_or_makes_one(source: str, program: bool) -> None:
    assert has_main(source) is program

"""A dependency set from vendored sources, built by the real compiler in the real sandbox, and programs that use it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from burnish.config.verify import VerifyConfig
from burnish.errors import DataError, MissingToolError, SandboxError
from burnish.protocols import Job, JobResult
from burnish.records import Completion, RustTests, Task, Tests, ValueCase, ValueTests, Verdict
from burnish.verify import Verifier
from burnish.verify.compiler.dependency_set import BUILD_COMMAND, load_set
from burnish.verify.compiler.toolchain import find_toolchain
from burnish.verify.dependencies import build
from burnish.verify.dependencies.build import source_folder
from burnish.verify.dependencies.resolve import Wanted
from burnish.workflows.verify.build_dependencies import build_dependencies
from burnish.workflows.verify.file import verify_file

GREET = """
[package]
name = "greet-all"
version = "1.2.0"
edition = "2021"
[lib]
name = "greet_all"
[dependencies]
shout = { version = "0.3", optional = true }
words = "1"
[target.'cfg(windows)'.dependencies]
not-there = "1"
[features]
default = ["loud"]
loud = ["dep:shout", "words?/many"]
"""
FILES = {
    "greet/Cargo.toml": GREET,
    "greet/build.rs": """fn main() {
    println!("cargo:rustc-cfg=built");
    println!("cargo:rustc-env=MOOD={}", std::env::var("CARGO_FEATURE_LOUD").unwrap());
    assert!(std::fs::read("@SECRET@").is_err() && std::net::TcpStream::connect("127.0.0.1:1").is_err());
    std::fs::write(format!("{}/made.rs", std::env::var("OUT_DIR").unwrap()), "pub const MADE: u8 = 7;").unwrap();
}""",
    "greet/src/lib.rs": """include!(concat!(env!("OUT_DIR"), "/made.rs"));
pub use shout::Loud;
pub trait Greets { fn greet(&self) -> String; }
impl Greets for str { fn greet(&self) -> String { format!("{} {}", words::hello(), self) } }
#[cfg(built)] pub fn mood() -> &'static str { env!("MOOD") }
""",
    "shout/Cargo.toml": '[package]\nname = "shout"\nversion = "0.3.1"\nedition = "2021"\n[lib]\nproc-macro = true\n',
    "shout/src/lib.rs": """use proc_macro::TokenStream;
#[proc_macro_derive(Loud)]
pub fn loud(item: TokenStream) -> TokenStream {
    let name = item.into_iter().nth(1).unwrap().to_string();
    format!("impl {name} {{ pub fn loud(&self) -> &'static str {{ \\"{}\\" }} }}", name.to_uppercase()).parse().unwrap()
}""",
    "words-1/Cargo.toml": '[package]\nname = "words"\nversion = "1.0.0"\n[features]\nmany = []\n',
    "words-1/src/lib.rs": 'pub fn hello() -> &\'static str { if cfg!(feature = "many") { "many" } else { "one" } }',
    "words-2/Cargo.toml": '[package]\nname = "words"\nversion = "2.0.0"\n',
    "words-2/src/lib.rs": 'pub fn hello() -> &\'static str { "two" }',
    "broken/Cargo.toml": '[package]\nname = "broken"\nversion = "1.0.0"\n[dependencies]\nabsent = "3"\n',
    "broken/src/lib.rs": "",
    "faulty/Cargo.toml": '[package]\nname = "faulty"\nversion = "1.0.0"\n',
    "faulty/src/lib.rs": 'pub fn f() -> u8 { "" }',
}


@pytest.fixture(scope="module")
def vendored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vendor")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text.replace("@SECRET@", str(folder / "greet/Cargo.toml")))
    return folder


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory, vendored: Path) -> VerifyConfig:
    base = tmp_path_factory.mktemp("sets")
    for folder in (base, *base.parents[:3]):  # a sandboxed compiler has another uid than root
        folder.chmod(0o755)
    built: list[str] = []
    config = VerifyConfig(dependencies=base, workers=1)
    made = build_dependencies([str(vendored)], ["greet-all", "words"], config, built.append)
    assert built.index("shout 0.3.1") < built.index("greet-all 1.2.0")
    assert (made.versions["greet_all"], made.versions["words"]) == ("1.2.0", "2.0.0")
    return config


@pytest.fixture(scope="module")
def verifier(config: VerifyConfig) -> Iterator[Verifier]:
    with Verifier(config) as one:
        yield one


def judge(verifier: Verifier, code: str, crates: tuple[str, ...], tests: Tests | None = None) -> Verdict:
    task = Task(id="t", family="t", prompt=(), crates=crates, tests=tests)
    return verifier.verify([(task, Completion(task_id="t", text=code))])[0]


def test_a_program_uses_library_macro_feature_and_build_script(verifier: Verifier) -> None:
    code = (
        "use greet_all::{Greets, Loud};\n#[derive(Loud)]\nstruct Cat;\n"
        'fn main() { assert_eq!(("x".greet(), Cat.loud(), greet_all::MADE, greet_all::mood()),'
        ' ("many x".to_string(), "CAT", 7, "1")); }'
    )
    verdict = judge(verifier, code, ("greet-all",))
    assert (verdict.status, verdict.lints) == ("pass", ()), (verdict.detail, verdict.diagnostics)
    assert " dependencies " in verdict.toolchain


@pytest.mark.parametrize(
    "tests",
    [
        ValueTests(cases=(ValueCase(call='hi("x")', type="String", expected='"many x"'),)),
        RustTests(source='#[test]\nfn t() { assert_eq!((hi("x"), words::hello()), ("many x".to_string(), "two")); }'),
    ],
)  # fmt: skip
def test_tests_reach_a_candidate_with_crates(verifier: Verifier, tests: Tests) -> None:
    code = "use greet_all::Greets;\npub fn hi(name: &str) -> String { name.greet() }"
    verdict = judge(verifier, code, ("greet_all", "words"), tests)
    assert verdict.status == "pass", (verdict.detail, verdict.diagnostics)


def test_only_the_tasks_crates_are_there(verifier: Verifier) -> None:
    verdict = judge(verifier, "fn main() { words::hello(); }", ("greet_all",))
    assert (verdict.reason, [d.code for d in verdict.diagnostics]) == ("compile_error", ["E0433"])
    assert judge(verifier, "fn main() {}", ("words", "tokio")).status == "infra"


def test_rows_whose_answer_names_a_crate_of_the_set_are_judged_with_it(config: VerifyConfig, tmp_path: Path) -> None:
    hi = 'pub fn hi(name: &str) -> String { format!("{} {name}", words::hello()) }'
    tests = {"kind": "rust", "source": '#[test]\nfn t() { assert_eq!(hi("x"), "two x"); }'}
    rows: list[dict[str, Any]] = [
        {"id": "right", "code": hi, "tests": tests},
        {"id": "wrong", "code": hi.replace("two", "").replace("{} ", "{}, "), "tests": tests},
        {"id": "declared", "code": hi, "tests": tests, "crates": ["words"]},
        {"id": "not built", "code": "pub fn f() { itertools::chain(); }"},
        {"id": "the task's", "code": "pub fn f() {}", "crates": ["words", "itertools"]},
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with_set = verify_file(path, tmp_path / "set", config.model_copy(update={"infra_budget": 1.0}))
    none = config.model_copy(update={"infra_budget": 1.0, "dependencies": tmp_path / "none"})
    without = verify_file(path, tmp_path / "without", none)
    assert with_set["reasons"] == {"ok": 2, "tests_failed": 1, "compile_error": 1, "infra": 1}
    assert with_set["crates_not_built"] == {"itertools": 1, "build_them": f"{BUILD_COMMAND} itertools"}
    assert without["reasons"] == {"compile_error": 3, "infra": 2}


def test_the_set_is_part_of_the_policy_digest(verifier: Verifier, config: VerifyConfig, tmp_path: Path) -> None:
    with Verifier(config.model_copy(update={"dependencies": tmp_path})) as without:
        assert without.digest != verifier.digest


def test_an_equal_set_is_not_built_again(config: VerifyConfig, vendored: Path) -> None:
    built: list[str] = []
    again = build_dependencies([str(vendored)], ["greet-all", "words"], config, built.append)
    assert built == []
    assert again == load_set(find_toolchain(), config.dependencies)


@pytest.mark.parametrize(
    ("name", "said"),
    [("broken", "broken needs the package absent 3"), ("faulty", "mismatched types"), ("nowhere", "nowhere")],
)
def test_what_cannot_be_built_is_named_and_the_set_before_stays(
    config: VerifyConfig, vendored: Path, name: str, said: str
) -> None:
    before = load_set(find_toolchain(), config.dependencies)
    with pytest.raises(DataError, match=said):
        build_dependencies([str(vendored)], [name], config, lambda _: None)
    assert load_set(find_toolchain(), config.dependencies) == before


def test_sources_are_debians_or_a_folder_and_what_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert source_folder(str(tmp_path)) == tmp_path
    with pytest.raises(DataError, match="does not exist"):
        source_folder(str(tmp_path / "none"))
    monkeypatch.setattr(build, "DEBIAN", tmp_path)
    assert source_folder("debian") == tmp_path
    monkeypatch.setattr(build, "DEBIAN", tmp_path / "none")
    with pytest.raises(MissingToolError, match="apt-get install librust-anyhow-dev"):
        source_folder("debian")


class _Answering:
    """A sandbox in which every compiler ends in one way."""

    layers = ("answering",)

    def __init__(self, result: JobResult) -> None:
        self._result = result

    def run(self, job: Job) -> JobResult:
        assert job.stage == "compile"
        return self._result


@pytest.mark.parametrize(
    ("result", "error", "said"),
    [
        (JobResult(0, b"", b"", 1.0, 1.0, fault="gone"), SandboxError, "while building words: gone"),
        (JobResult(-9, b"", b"", 1.0, 1.0, exceeded="memory"), DataError, "does not build: memory"),
        (JobResult(0, b"", b"", 1.0, 1.0), DataError, "status 0"),
    ],
    ids=["fault", "limit", "no library"],
)
def test_a_crate_that_cannot_be_built_stops_the_set(
    vendored: Path, tmp_path: Path, result: JobResult, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        build.build_set([vendored], [Wanted("words")], _Answering(result), find_toolchain(), base=tmp_path)
    assert load_set(find_toolchain(), tmp_path).crates == {}

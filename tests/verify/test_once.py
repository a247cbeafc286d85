from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from burnish.records import RustTests
from burnish.verify.compiler.compile import Compiled, Compiler
from burnish.verify.compiler.toolchain import find_toolchain
from burnish.verify.grader.macro_tests import MacroTests
from burnish.verify.grader.rust_tests import TestFunction, plan_tests
from burnish.verify.once import MadeOnce
from burnish.verify.sandbox.bubblewrap import BubblewrapSandbox

EIGHT = 8


def test_what_many_threads_want_is_made_once() -> None:
    once: MadeOnce[int] = MadeOnce(4)
    asking = threading.Semaphore(0)
    made: list[str] = []

    def make() -> tuple[int, bool]:
        made.append("a")
        for _ in range(EIGHT):  # not before all others ask
            assert asking.acquire(timeout=30)
        return 7, True

    def ask(_: int) -> tuple[int, bool]:
        asking.release()
        return once.get("a", make)

    with ThreadPoolExecutor(EIGHT) as pool:
        values = list(pool.map(ask, range(EIGHT)))
    assert (len(made), sorted(values)) == (1, [(7, False)] * (EIGHT - 1) + [(7, True)])


def test_two_keys_are_made_side_by_side() -> None:
    once: MadeOnce[int] = MadeOnce(4)
    both = threading.Barrier(2, timeout=30)

    def make() -> tuple[int, bool]:
        both.wait()
        return 1, True

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda key: once.get(key, make), "ab")) == [(1, True)] * 2


def test_what_does_not_last_is_made_again_and_the_oldest_goes() -> None:
    once: MadeOnce[int] = MadeOnce(2)
    assert [once.get("a", lambda: (1, False)), once.get("a", lambda: (2, True))] == [(1, True), (2, True)]
    assert [once.get(key, lambda: (3, True)) for key in "bca"] == [(3, True)] * 3


def test_an_error_is_not_kept() -> None:
    once: MadeOnce[int] = MadeOnce(2)
    with pytest.raises(ZeroDivisionError):
        once.get("a", lambda: (1 // 0, True))
    assert once.get("a", lambda: (1, True)) == (1, True)


def test_a_source_whose_macros_make_tests_is_compiled_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = "macro_rules! q { ($n:ident) => { #[test] fn $n() {} } }\nq! { a }"
    tests = RustTests(source=source)
    with closing(BubblewrapSandbox()) as sandbox:
        toolchain = find_toolchain()
        compiler = Compiler(sandbox, toolchain)
        programs: list[object] = []
        program_of = compiler.program_of

        def counted(*args: Any, **options: Any) -> Compiled:
            programs.append(args)
            return program_of(*args, **options)

        monkeypatch.setattr(compiler, "program_of", counted)
        macro_tests = MacroTests(sandbox, toolchain, compiler)
        with ThreadPoolExecutor(EIGHT) as pool:
            made = list(pool.map(lambda _: macro_tests.plan(tests, plan_tests(tests), "2021"), range(EIGHT)))
    assert {one.plan.functions for one in made if one.plan is not None} == {(TestFunction("a"),)}
    assert (len(programs), sum(one.cpu_ms > 0 for one in made)) == (1, 1)

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from burnish.errors import DiskError
from burnish.protocols import VerdictCache
from burnish.records import Reason, Status, Verdict
from burnish.verify.judge.cache import MemoryVerdictCache, SqliteVerdictCache


def verdict(status: Status, reason: Reason) -> Verdict:
    return Verdict(task_id="t", status=status, stage="test", reason=reason, compiled=True, lints=("a", "a"))


@pytest.fixture(params=["memory", "sqlite"])
def cache(request: pytest.FixtureRequest, tmp_path: Path) -> VerdictCache:
    return MemoryVerdictCache() if request.param == "memory" else SqliteVerdictCache(tmp_path / "new" / "v.sqlite")


def test_the_cache_returns_what_was_stored(cache: VerdictCache) -> None:
    stored = verdict("fail", "tests_failed")
    cache.put("k", stored)
    assert cache.get_many(["k", "other"]) == {"k": stored}
    assert cache.get_many([f"none{i}" for i in range(1200)]) == {}


@pytest.mark.parametrize(("status", "reason"), [("fail", "timeout"), ("infra", "infra")])
def test_the_cache_refuses_verdicts_that_may_change(cache: VerdictCache, status: Status, reason: Reason) -> None:
    with pytest.raises(ValueError, match="must not be kept"):
        cache.put("k", verdict(status, reason))


def test_several_processes_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "v.sqlite"
    script = (
        "import sys; from pathlib import Path; from burnish.verify.judge.cache import SqliteVerdictCache\n"
        "from burnish.records import Verdict\n"
        "c = SqliteVerdictCache(Path(sys.argv[1]))\n"
        "v = Verdict(task_id='t', status='pass', stage='test', reason='ok', compiled=True)\n"
        "[c.put(f'{sys.argv[2]}-{i}', v) for i in range(100)]\n"
    )
    started = [subprocess.Popen([sys.executable, "-c", script, str(path), str(n)]) for n in range(3)]
    assert [p.wait() for p in started] == [0, 0, 0]
    keys = [f"{n}-{i}" for n in range(3) for i in range(100)]
    assert len(SqliteVerdictCache(path).get_many(keys)) == 300


def test_a_file_that_is_not_a_cache_is_named(tmp_path: Path) -> None:
    path = tmp_path / "v.sqlite"
    path.write_text("not a database, and long enough to be read as a header " * 20)
    with pytest.raises(DiskError, match=r"v\.sqlite"):
        SqliteVerdictCache(path)


def test_half_a_record_names_the_file_and_one_way_out(tmp_path: Path) -> None:
    path = tmp_path / "v.sqlite"
    kept = SqliteVerdictCache(path)
    kept.put("k", verdict("pass", "ok"))
    kept._connection.execute("UPDATE verdicts SET record = substr(record, 1, length(record) / 2)")
    with pytest.raises(DiskError) as caught:
        kept.get_many(["k"])
    kept.close()
    assert caught.value.cause.startswith(f"the verdict cache {path} is broken: ")
    assert "\n" not in caught.value.cause
    assert "Delete that file" in caught.value.way_out

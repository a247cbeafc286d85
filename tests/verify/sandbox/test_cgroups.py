"""Finding control groups, on folders that look like the kernel's; the real ones are used by test_bubblewrap."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from burnish.verify.sandbox.cgroups import Cgroups, GroupV1, GroupV2


def describe(tmp_path: Path, mounts: list[str], own: list[str]) -> Cgroups:
    mounted, belongs = tmp_path / "mountinfo", tmp_path / "cgroup"
    mounted.write_text("\n".join(mounts) + "\n")
    belongs.write_text("\n".join(own) + "\n")
    return Cgroups(mounted, belongs)


def mount(folder: Path, kind: str, options: str) -> str:
    return f"30 24 0:26 / {folder} rw,nosuid shared:9 - {kind} cgroup {options}"


def unified(tmp_path: Path, controllers: str) -> Path:
    folder = tmp_path / "unified" / "user"
    folder.mkdir(parents=True)
    (folder / "cgroup.controllers").write_text(controllers)
    (folder / "cgroup.subtree_control").write_text("")
    return folder


def test_cgroup_v1_uses_both_hierarchies(tmp_path: Path) -> None:
    memory, pids = tmp_path / "m", tmp_path / "p"
    (memory / "mine").mkdir(parents=True)
    pids.mkdir()
    found = describe(
        tmp_path,
        [mount(memory, "cgroup", "rw,memory"), mount(pids, "cgroup", "rw,pids"), mount(tmp_path, "tmpfs", "rw")],
        ["4:memory:/mine", "8:pids:/hidden/elsewhere", "0::/"],
    )
    assert found.kind == "v1"
    group = found.group()
    assert isinstance(group, GroupV1)
    assert [p.parent for p in sorted(tmp_path.glob("*/**/burnish-*"))] == [memory / "mine", pids]
    second = found.group()
    assert isinstance(second, GroupV1)
    assert len(list(pids.iterdir())) == 2


def test_cgroup_v2_needs_memory_and_pids(tmp_path: Path) -> None:
    folder = unified(tmp_path, "cpu memory pids")
    found = describe(tmp_path, [mount(folder.parent, "cgroup2", "rw")], ["0::/user"])
    assert found.kind == "v2"
    assert (folder / "cgroup.subtree_control").read_text() == "+cpu +memory +pids"
    assert found.one_core
    assert isinstance(found.group(), GroupV2)


def test_version_1_holds_a_group_to_one_core_where_it_can(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("memory", "pids", "cpu")]
    for folder in folders:
        folder.mkdir()
    found = describe(tmp_path, [mount(folder, "cgroup", f"rw,{folder.name}") for folder in folders], ["0::/"])
    assert (found.kind, found.one_core) == ("v1", True)
    group = tmp_path / "cpu" / "g"
    group.mkdir()
    for name in ("cpu.cfs_period_us", "cpu.cfs_quota_us"):
        (group / name).write_text("")
    GroupV1(tmp_path / "memory" / "g", tmp_path / "pids" / "g", group)
    assert (group / "cpu.cfs_quota_us").read_text() == (group / "cpu.cfs_period_us").read_text() == "100000"


def test_cgroup_v2_without_memory_is_not_used(tmp_path: Path) -> None:
    folder = unified(tmp_path, "hugetlb")
    found = describe(tmp_path, [mount(folder.parent, "cgroup2", "rw")], ["0::/user"])
    assert found.kind == "none"
    assert found.group().oom_kills() == 0
    assert found.group().empty()


def test_limits_and_counters_of_version_2(tmp_path: Path) -> None:
    folder = tmp_path / "g"
    group = GroupV2(folder)
    for name in ("memory.max", "pids.max", "cgroup.procs", "memory.swap.max"):
        (folder / name).write_text("")
    (folder / "memory.events").write_text("low 0\noom 3\noom_kill 2\n")
    group.set_limits(1 << 20, 7)
    group.add(41)
    assert [(folder / n).read_text() for n in ("memory.max", "pids.max", "cgroup.procs")] == ["1048576", "7", "41"]
    assert group.oom_kills() == 2


def test_groups_of_the_dead_are_swept_and_those_of_the_living_stay(tmp_path: Path) -> None:
    folder = unified(tmp_path, "memory pids")
    dead, living = folder / "burnish-999999999-0", folder / f"burnish-{os.getppid()}-0"
    dead.mkdir()
    living.mkdir()
    describe(tmp_path, [mount(folder.parent, "cgroup2", "rw")], ["0::/user"])
    assert not dead.exists()
    assert living.exists()


def test_a_refusing_kernel_is_an_error_of_the_system(tmp_path: Path) -> None:
    group = GroupV2(tmp_path / "g")
    with pytest.raises(OSError, match=r"memory\.max"):
        group.set_limits(1, 1)


def test_version_1_limits_memory_with_swap_and_processes(tmp_path: Path) -> None:
    memory, pids = tmp_path / "m", tmp_path / "p"
    group = GroupV1(memory, pids)
    for name in ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes"):
        (memory / name).write_text("")
    (pids / "pids.max").write_text("")
    (memory / "memory.oom_control").write_text("under_oom 0\n")
    group.set_limits(1 << 20, 7)
    said = [(memory / name).read_text() for name in ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes")]
    assert said[0] == "1048576"
    assert said[1].startswith("1048576")
    assert (pids / "pids.max").read_text() == "7"
    assert group.oom_kills() == 0


def test_cgroup_v2_without_controllers_is_not_used(tmp_path: Path) -> None:
    folder = unified(tmp_path, "memory pids")
    (folder / "cgroup.subtree_control").unlink()
    (folder / "cgroup.subtree_control").mkdir()
    assert describe(tmp_path, [mount(folder.parent, "cgroup2", "rw")], ["0::/user"]).kind == "none"


def test_version_2_holds_a_group_to_one_core(tmp_path: Path) -> None:
    folder = tmp_path / "g"
    folder.mkdir()
    (folder / "cpu.max").write_text("")
    GroupV2(folder, one_core=True)
    assert (folder / "cpu.max").read_text() == "100000 100000"


def test_what_a_killed_burnish_left_running_is_ended(tmp_path: Path) -> None:
    folder = unified(tmp_path, "memory pids")
    dead = folder / "burnish-999999999-0"
    dead.mkdir()
    with subprocess.Popen(["/bin/sleep", "60"]) as orphan:
        (dead / "cgroup.procs").write_text(f"{orphan.pid}\n")
        describe(tmp_path, [mount(folder.parent, "cgroup2", "rw")], ["0::/user"])
        assert orphan.wait(20) == -9

"""What is saved is of one moment, whenever the process is killed."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.local.saves import Saves, mirror

Objects = dict[str, str]


def put(saves: Saves, key: str, content: str) -> None:
    """Write an object as the emulator does: a file of its own, moved over the one before."""
    path = saves.s3 / key
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.tmp")
    unfinished.write_text(content)
    unfinished.replace(path)


def files_of(folder: Path) -> Objects:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def save(saves: Saves, moment: str) -> None:
    saves.begin()
    saves.finish(lambda folder: written(folder, moment))


def written(folder: Path, moment: str) -> None:
    for name in ("dynamodb", "sqs"):
        (folder / f"{name}.json").write_text(moment)


def restored(state: Path) -> tuple[Objects, Objects]:
    saves = Saves(state)
    return files_of(saves.restore()), files_of(saves.s3)


def services_of(moment: str) -> Objects:
    return {"dynamodb.json": moment, "sqs.json": moment}


@pytest.fixture
def saves(tmp_path: Path) -> Saves:
    saves = Saves(tmp_path)
    assert not saves.restore().exists()
    return saves


def test_a_start_goes_on_from_the_objects_of_the_last_save(saves: Saves, tmp_path: Path):
    objects = dict.fromkeys(("files/kept", "files/overwritten", "files/removed"), "1")
    for key in objects:
        put(saves, key, "1")
    save(saves, "first")
    put(saves, "files/overwritten", "2")
    (saves.s3 / "files" / "removed").unlink()
    put(saves, "files/removed/new", "2")
    put(saves, "new", "2")
    assert restored(tmp_path) == (services_of("first"), objects)


def test_a_save_takes_the_objects_of_when_it_began(saves: Saves, tmp_path: Path):
    put(saves, "payload", "queued")
    saves.begin()
    (saves.s3 / "payload").unlink()
    saves.finish(lambda folder: written(folder, "queued"))
    assert restored(tmp_path) == (services_of("queued"), {"payload": "queued"})


def test_each_save_follows_all_changes_since_the_one_before(saves: Saves, tmp_path: Path):
    for moment in ("1", "2", "3", "4"):
        put(saves, "always", moment)
        put(saves, f"at/{moment}", moment)
        save(saves, moment)
        assert restored(tmp_path) == (services_of(moment), files_of(saves.s3))
    assert sorted(path.name for path in (tmp_path / "saves").iterdir()) == ["4", "next"]


def test_what_has_not_changed_is_neither_copied_nor_linked_anew(saves: Saves, tmp_path: Path):
    put(saves, "folder/kept", "1")
    save(saves, "1")
    save(saves, "2")
    before = (saves.s3 / "folder" / "kept").stat()
    save(saves, "3")
    Saves(tmp_path).restore()
    after = (saves.s3 / "folder" / "kept").stat()
    assert (after.st_ino, after.st_ctime_ns) == (before.st_ino, before.st_ctime_ns)


def test_an_object_that_is_being_written_is_not_saved(saves: Saves, tmp_path: Path):
    put(saves, "whole", "1")
    (saves.s3 / "half.tmp").write_text("1")
    save(saves, "1")
    assert restored(tmp_path) == (services_of("1"), {"whole": "1"})


def test_a_state_of_before_there_were_saves_is_taken_as_it_is(saves: Saves, tmp_path: Path):
    (tmp_path / "services").mkdir()
    written(tmp_path / "services", "old")
    put(saves, "object", "old")
    assert restored(tmp_path) == (services_of("old"), {"object": "old"})


def test_without_any_save_there_are_no_objects_either(saves: Saves, tmp_path: Path):
    put(saves, "object", "1")
    assert restored(tmp_path) == ({}, {})


def test_a_save_that_fails_leaves_the_one_before(saves: Saves, tmp_path: Path):
    save(saves, "1")
    put(saves, "object", "2")
    saves.begin()

    def fail(folder: Path) -> None:
        written(folder, "2")
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        saves.finish(fail)
    assert restored(tmp_path) == (services_of("1"), {})


def test_a_link_tree_becomes_that_of_the_source_whatever_it_held(tmp_path: Path):
    source, target = Saves(tmp_path / "a"), Saves(tmp_path / "b")
    put(source, "file", "1")
    put(source, "folder/file", "1")
    put(target, "file/was/a/folder", "0")
    put(target, "folder", "was a file")
    put(target, "more/of/it", "0")
    mirror(source.s3, target.s3)
    assert files_of(target.s3) == files_of(source.s3)


STEPS = ("os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "open")


def killed_at(step: int, state: Path, moment: str) -> bool:
    """Start, change everything and save, in a process that is killed at its `step`th step; whether it got that far."""
    child = os.fork()
    if child == 0:
        steps = iter(range(step))

        def count(event: str, _: Any) -> None:
            if event in STEPS and next(steps, None) is None:
                os._exit(1)

        sys.addaudithook(count)
        change_and_save(state, moment)
        os._exit(0)
    return os.waitpid(child, 0)[1] != 0


def change_and_save(state: Path, moment: str) -> None:
    saves = Saves(state)
    saves.restore()
    for path in list(saves.s3.rglob("removed*")):
        path.unlink()
    put(saves, "overwritten", moment)
    put(saves, f"folder/removed {moment}", moment)
    save(saves, moment)


def moments() -> Iterator[int]:
    yield from range(1, 1000)


def test_a_kill_at_any_step_leaves_all_of_one_moment(tmp_path: Path):
    for moment in ("0", "1", "2"):
        change_and_save(tmp_path, moment)
    last = "2"
    for step in moments():
        moment = f"killed at {step}"
        was_killed = killed_at(step, tmp_path, moment)
        services, objects = restored(tmp_path)
        now = services["sqs.json"]
        assert now in (last, moment)
        assert services == services_of(now)
        assert objects == {"overwritten": now, f"folder/removed {now}": now}
        last = now
        if not was_killed:
            assert step > 20
            assert now == moment
            return

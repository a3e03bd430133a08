"""Looking and acting are one: what was seen is looked at again under the lock that keeps it so."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from runner import atomic_write
from runner.commands.clean import clean
from runner.commands.resume import resume
from runner.queue import lease
from runner.store import checkpoints, disk_usage, life, locks
from runner.store.directory import RunDirectory
from runner.store.life import Role
from tests.faults.scene import Files, Scene, finished, ftui, kept, nothing_lost, over
from tests.faults.test_from_elsewhere import everything


@pytest.mark.fault(
    "`ftui clean` runs while the run is being resumed",
    "one of them waits or is refused; no checkpoint it needs goes",
)
def test_clean_and_resume_at_once(scene: Scene, dead: RunDirectory) -> None:
    older = dead.checkpoints / "checkpoint-2"
    shutil.copytree(dead.checkpoints / "checkpoint-4", older)
    (older / "trainer_state.json").write_text('{"global_step": 2}')
    held = disk_usage.holding(dead)
    assert [one.step for one in held.removable] == [2]
    lock = life.take(dead, Role.SUPERVISOR)
    try:
        assert clean([held]).skipped
    finally:
        locks.release(lock)
    assert older.is_dir()
    before = kept(dead)
    (scene.folder / "hold").write_text("loading")
    ftui("resume", dead.id, "--detach")
    done = clean([held])
    assert (done.count, len(done.skipped)) == (0, 1)
    scene.held()
    assert older.is_dir()
    scene.release()
    finished(dead)
    nothing_lost(dead, before[0], {4: before[1][4]})


@pytest.mark.fault(
    "the checkpoint a resume chose is deleted before it starts",
    "looked at again under the lock: the one before it",
)
def test_a_checkpoint_that_goes_meanwhile(
    scene: Scene, dead: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = dead.checkpoints / "checkpoint-6"
    shutil.copytree(dead.checkpoints / "checkpoint-4", newest)
    (newest / "trainer_state.json").write_text('{"global_step": 6}')
    (newest / "manifest.json").unlink()
    real = life.take

    def take(run: RunDirectory, role: Role) -> int:
        shutil.rmtree(newest, ignore_errors=True)
        return real(run, role)

    assert checkpoints.newest(dead).step == 6  # type: ignore[union-attr]
    monkeypatch.setattr(life, "take", take)
    assert resume(dead).checkpoint.step == 4  # type: ignore[union-attr]
    over(dead)


@pytest.mark.fault(
    "a preset gets a name that another process gives at the same moment", "one of them; neither is lost"
)
def test_one_name_for_two(tmp_path: Path) -> None:
    names = [tmp_path / f"{number}.yaml" for number in range(20)]
    for path in names:
        path.write_text(path.name)
    target, refused, gate = tmp_path / "wanted.yaml", [], threading.Barrier(len(names))

    def rename(path: Path) -> None:
        gate.wait()
        try:
            atomic_write.rename_file(path, target)
        except FileExistsError:
            refused.append(path)

    threads = [threading.Thread(target=rename, args=(path,)) for path in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    left: Files = everything(tmp_path)
    assert len(refused) == len(names) - 1
    assert sorted(left.values()) == sorted(path.name.encode() for path in names)


def test_a_lease_is_of_the_user(scene: Scene, dead: RunDirectory) -> None:
    fd = lease.take("GPU-1", dead)
    assert fd is not None
    assert (scene.home / "leases" / "GPU-1").is_file()
    locks.release(fd)

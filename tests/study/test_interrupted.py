"""Nothing is lost: kills, Ctrl-C, a full disk, trials that kill."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

import pytest

from crossover import api
from crossover.errors import StudyError
from crossover.study import StudyStore
from tests.study.child import command, poisoned

KILLS = (1, 2, 4, 5, 7, 8)
"""Kills come when these trials run, counted from 1. A trial that is hit three times would be set aside."""

METHODS = "majority,zero-shot,head,lora"
N_CELLS = 9
TIMINGS = {"fit_seconds", "latency_ms", "peak_memory_mb", "break_even_calls", "model", "economics"}
TIMINGS |= {"fit_joules", "call_joules", "single_call_joules", "aspects"}  # cells of the aspects name seconds, too


Start = Callable[..., ForkServerProcess]


@pytest.fixture
def start(server: ForkServerContext, rows: Path, model_folder: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts `crossover run` on the small task in a process of its own."""
    started: list[ForkServerProcess] = []

    def begin(folder: Path, *more: str, largest_file: int | None = None) -> ForkServerProcess:
        arguments = ["run", str(rows), "--model", str(model_folder), "--precision", "fp32", "--study", str(folder)]
        arguments += ["--methods", METHODS, "--budgets", "0,8", "--seeds", "2", "--effort", "0.05", *more]
        process = server.Process(target=command, args=(arguments, tmp_path, largest_file))
        process.start()
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.join()


def rows_of(folder: Path, query: str) -> list[tuple[Any, ...]]:
    if not (folder / "study.sqlite").exists():
        return []
    connection = sqlite3.connect(folder / "study.sqlite", timeout=10)
    try:
        return connection.execute(query).fetchall()
    except sqlite3.OperationalError:  # its tables are not there yet
        return []
    finally:
        connection.close()


def wait_for(process: ForkServerProcess, folder: Path, n: int) -> None:
    """Wait until the n-th trial runs."""
    end = time.monotonic() + 60
    while process.is_alive() and time.monotonic() < end:
        if (
            len(rows_of(folder, "SELECT key FROM trial")) >= n - 1
            and len(rows_of(folder, "SELECT key FROM attempt")) >= n
        ):
            return
        time.sleep(0.002)
    raise AssertionError(f"trial {n} did not begin")


def whole(process: ForkServerProcess, errors: Path) -> None:
    process.join(60)
    assert process.exitcode == 0, (errors / "stderr").read_text()


def without_timings(value: object) -> object:
    if isinstance(value, dict):
        return {key: without_timings(item) for key, item in value.items() if key not in TIMINGS}
    return [without_timings(item) for item in value] if isinstance(value, list) else value


def test_killed_and_run_again_nothing_is_repeated_or_lost(start: Start, tmp_path: Path) -> None:
    draw = random.Random(1)
    folder = tmp_path / "killed"
    seen: dict[str, tuple[Any, ...]] = {}
    n_kills = 0
    for n in KILLS:
        process = start(folder)
        wait_for(process, folder, n)
        time.sleep(draw.uniform(0, 0.02))  # trials last that long and more: the moment inside is left to chance
        process.kill()
        process.join()
        n_kills += process.exitcode == -signal.SIGKILL
        assert rows_of(folder, "PRAGMA integrity_check") == [("ok",)]
        now = {row[0]: row for row in rows_of(folder, "SELECT key, finished, record FROM trial")}
        assert seen.items() <= now.items(), "a finished trial was lost or written again"
        seen = now
    assert n_kills == len(KILLS)
    assert 0 < len(seen) < N_CELLS
    attempts = dict(rows_of(folder, "SELECT key, COUNT(*) FROM attempt GROUP BY key"))
    whole(start(folder), tmp_path)
    now = {row[0]: row for row in rows_of(folder, "SELECT key, finished, record FROM trial")}
    assert len(now) == N_CELLS
    assert seen.items() <= now.items()
    after = dict(rows_of(folder, "SELECT key, COUNT(*) FROM attempt GROUP BY key"))
    assert all(after[key] == attempts[key] for key in seen), "a finished trial was begun again"
    assert not list((folder / "candidates").glob(".new-*"))

    whole(start(tmp_path / "calm"), tmp_path)
    killed, calm = (api.open_study(tmp_path / name).to_json() for name in ("killed", "calm"))
    assert killed["arms"]
    assert without_timings(killed) == without_timings(calm)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_from_outside_it_says_so_and_goes_on_afterwards(
    start: Start, tmp_path: Path, number: signal.Signals
) -> None:
    folder = tmp_path / "stopped"
    more = "--seeds", "6"  # so many trials that the signal comes before the last one also on a busy machine
    # Three times at the same trial: that is nobody's fault and sets nothing aside.
    for _ in range(3 if number == signal.SIGINT else 1):
        process = start(folder, *more)
        wait_for(process, folder, 3)
        assert process.pid is not None
        os.kill(process.pid, number)
        process.join(30)
        assert process.exitcode == 130
        said = (tmp_path / "stderr").read_text()
        assert said == "\nstopped. Finished trials are kept: the same command goes on from here.\n"
        if number == signal.SIGINT:
            connection = sqlite3.connect(folder / "study.sqlite")
            with connection:
                connection.execute("DELETE FROM trial WHERE rowid > 2")
            connection.close()
    whole(start(folder, *more), tmp_path)
    assert all(record.error is None for record in api.open_study(folder).records())
    assert len(api.open_study(folder).records()) == 1 + 4 * 6


def test_a_full_disk_leaves_what_was_finished(start: Start, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=180k", "tmpfs", str(disk)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("this process may not mount")
    try:
        folder = disk / "study"
        process = start(folder)
        process.join(60)
        said = (tmp_path / "stderr").read_text()
        assert process.exitcode == 2, said
        assert "cannot be" in said
        assert "free some space" in said
        assert "Traceback" not in said
        finished = rows_of(folder, "SELECT key, finished, record FROM trial")
        assert 0 < len(finished) < N_CELLS
        assert rows_of(folder, "PRAGMA integrity_check") == [("ok",)]
        assert all(json.loads(row[2])["error"] is None for row in finished), "a full disk is no method's fault"
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        whole(start(folder), tmp_path)
        assert set(finished) <= set(rows_of(folder, "SELECT key, finished, record FROM trial"))
        assert len(api.open_study(folder).records()) == N_CELLS
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_files_that_may_not_grow_are_a_full_disk(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    process = start(folder, largest_file=50_000)
    process.join(60)
    said = (tmp_path / "stderr").read_text()
    assert process.exitcode == 2, said
    assert "free some space" in said
    assert "Traceback" not in said
    assert rows_of(folder, "PRAGMA integrity_check") == [("ok",)]
    whole(start(folder), tmp_path)
    assert len(api.open_study(folder).records()) == N_CELLS


def test_a_trial_that_kills_its_process_twice_is_set_aside(
    server: ForkServerContext, rows: Path, tmp_path: Path
) -> None:
    codes = []
    for _ in range(5):
        process = server.Process(target=poisoned, args=(rows, tmp_path / "study"))
        process.start()
        process.join(60)
        codes.append(process.exitcode)
        if process.exitcode == 0:
            break
    # Two seeds, each is tried twice.
    assert codes == [-9, -9, -9, -9, 0]
    found = StudyStore.open(tmp_path / "study").finished()
    assert {key.method: record.error for key, record in found.items()} == {
        "majority": None,
        "poison": "set aside: it ended the process 2 times",
    }
    assert len(found) == 4


def test_two_runs_at_once_are_refused(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    first = start(folder)
    wait_for(first, folder, 1)
    store = StudyStore.open(folder)
    with pytest.raises(StudyError, match="is in use: another run is at work"), store.writing():
        pass
    first.kill()
    first.join()
    with store.writing():
        pass

"""A study's store: one SQLite file for trials, a folder of content-addressed candidates beside it.

A cell is written once, when it is complete: first its candidate's folder (temporary name, fsync, rename), then its row
in one transaction. Whatever is interrupted leaves the old state; a candidate without a row is found and used again.
"""

from __future__ import annotations

__all__ = ["StudyKey", "StudyStore"]

import fcntl
import hashlib
import json
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from safetensors import SafetensorError
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool

from crossover.errors import StudyError
from crossover.records import TrialKey, TrialRecord
from crossover.study.codec import record_from_json, record_to_json

if TYPE_CHECKING:
    from crossover.candidate import Candidate

SCHEMA = 1
_FILE = "study.sqlite"
_LOCK = ".lock"
_INTERRUPTS = (signal.SIGINT, signal.SIGTERM)
_CANDIDATES = "candidates"
_UNFINISHED = ".new-"
_DAMAGED = "restore the file from a copy, or begin anew with --study DIR"
_AGAIN = "free some space and run the same command again: finished trials are kept"
_TABLES = (
    "CREATE TABLE IF NOT EXISTS study (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS trial (key TEXT PRIMARY KEY, record TEXT NOT NULL, finished TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS attempt (key TEXT NOT NULL, started TEXT NOT NULL)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyKey:
    """What makes a study the same study: the data, how it was split, the primary model."""

    data_sha256: str
    model: str
    model_sha256: str


class StudyStore:
    """The trials of one study folder. One process writes."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        """Use `StudyStore.open`."""
        self.folder = folder
        self._engine = engine

    @classmethod
    def open(cls, folder: Path, *, create: bool = False) -> Self:
        """Open a study's folder, or make one.

        Raises:
            StudyError: there is no study, it cannot be written, is damaged, or was written by a newer release.
        """
        file = folder / _FILE
        if not file.is_file():
            if not create:
                raise StudyError(
                    f"{folder} holds no study: there is no {_FILE}.",
                    "name the folder that crossover run printed, for example tickets-study",
                )
            try:
                folder.mkdir(parents=True, exist_ok=True)
                os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))  # test rows are in it: for its owner only
            except OSError as error:
                raise StudyError(
                    f"{folder} cannot be made: {error.strerror}.", "name another place with --study DIR"
                ) from error
        engine = create_engine(f"sqlite:///{file}", poolclass=NullPool, connect_args={"timeout": 60})
        event.listen(engine, "connect", _configure)
        store = cls(folder, engine)
        with store._connected("opened", "repair the file, or begin anew with --study DIR") as connection:
            known = connection.execute(text("SELECT 1 FROM sqlite_master WHERE name = 'study'")).first()
            query = text("SELECT value FROM study WHERE name = 'schema'")
            found = connection.execute(query).scalar() if known else None
            if found not in {None, str(SCHEMA)}:
                raise StudyError(
                    f"{folder} has schema {found}, this release reads {SCHEMA}.",
                    "upgrade crossover-lm, or begin anew with --study DIR",
                )
            if found is None:
                for statement in _TABLES:
                    connection.execute(text(statement))
                connection.execute(text("INSERT INTO study VALUES ('schema', :schema)"), {"schema": str(SCHEMA)})
        return store

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the one process that writes, as long as the block runs; the lock goes when the process does.

        Raises:
            StudyError: another run is at work in this study.
        """
        try:
            descriptor = os.open(self.folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            raise StudyError(f"{self.folder} cannot be written: {error.strerror}.", _AGAIN) from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise StudyError(
                    f"{self.folder} is in use: another run is at work in it.", "wait for it, or name --study DIR"
                ) from error
            for left in (self.folder / _CANDIDATES).glob(f"{_UNFINISHED}*"):
                shutil.rmtree(left, ignore_errors=True)
            yield
        finally:
            os.close(descriptor)

    def get(self, name: str) -> Any:  # noqa: ANN401  # JSON
        """Return a JSON value that was put under a name, or None."""
        with self._connected("read", _DAMAGED) as connection:
            row = connection.execute(text("SELECT value FROM study WHERE name = :name"), {"name": name}).first()
        return None if row is None else json.loads(row[0])

    def named(self, prefix: str) -> dict[str, Any]:
        """Return all JSON values whose names begin so, by the rest of their names."""
        with self._connected("read", _DAMAGED) as connection:
            rows = connection.execute(
                text("SELECT name, value FROM study WHERE substr(name, 1, :n) = :prefix ORDER BY name"),
                {"n": len(prefix), "prefix": prefix},
            ).all()
        return {name[len(prefix) :]: json.loads(value) for name, value in rows}

    def put(self, name: str, value: Any) -> None:  # noqa: ANN401  # JSON
        """Keep a JSON value under a name."""
        with self._connected("written", _AGAIN) as connection:
            connection.execute(
                text("INSERT OR REPLACE INTO study (name, value) VALUES (:name, :value)"),
                {"name": name, "value": json.dumps(value)},
            )

    def claim(self, key: StudyKey) -> None:
        """Make the study one of this key, or check that it is.

        Raises:
            StudyError: it is a study of other data or another model; the message says which.
        """
        if self.get("key") is None:
            self.put("key", asdict(key))
        self.check(key)

    def check(self, key: StudyKey) -> None:
        """Check that the study is one of this key, or of none yet.

        Raises:
            StudyError: it is a study of other data or another model; the message says which.
        """
        found = self.get("key")
        if found is None:
            return
        for field, what in (("data_sha256", "data (or split)"), ("model", "model"), ("model_sha256", "model file")):
            before, now = found[field], getattr(key, field)
            if before != now:
                if field != "model":
                    before, now = f"sha256 {before[:16]}…", f"{now[:16]}…"
                raise StudyError(
                    f"{self.folder} is a study of other {what}: {before}, now {now}.",
                    "go on with what it was made with, or begin a new study: --study DIR",
                )

    def finished(self) -> dict[TrialKey, TrialRecord]:
        """Return all trials that are complete."""
        with self._connected("read", _DAMAGED) as connection:
            rows = connection.execute(text("SELECT record FROM trial ORDER BY key")).all()
        try:
            records = [record_from_json(json.loads(row[0])) for row in rows]
        except (ValueError, KeyError, TypeError) as error:
            raise StudyError(f"{self.folder / _FILE} holds a trial that cannot be read: {error}.", _DAMAGED) from error
        return {record.key: record for record in records}

    def attempt(self, key: TrialKey) -> int:
        """Note that a trial begins; return how often it has begun and not ended, this time included."""
        name = _name(key)
        with self._connected("written", _AGAIN) as connection:
            connection.execute(
                text("INSERT INTO attempt (key, started) VALUES (:key, :started)"), {"key": name, "started": _now()}
            )
            count = connection.execute(text("SELECT COUNT(*) FROM attempt WHERE key = :key"), {"key": name})
            return int(count.scalar_one())

    def withdraw(self, key: TrialKey) -> None:
        """Take the last attempt back: it was interrupted from outside, the trial is not to blame."""
        last = "SELECT MAX(rowid) FROM attempt WHERE key = :key"
        with self._connected("written", _AGAIN) as connection:
            connection.execute(text(f"DELETE FROM attempt WHERE rowid = ({last})"), {"key": _name(key)})  # noqa: S608

    def finish(self, record: TrialRecord) -> None:
        """Write a finished trial. A trial that is there already stays as it is."""
        with self._connected("written", _AGAIN) as connection:
            connection.execute(
                text("INSERT OR IGNORE INTO trial (key, record, finished) VALUES (:key, :record, :finished)"),
                {"key": _name(record.key), "record": json.dumps(record_to_json(record)), "finished": _now()},
            )

    def keep_candidate(self, candidate: Candidate) -> str:
        """Store a candidate's files under the digest of their content; return the digest."""
        from crossover.candidate import save_candidate  # here, so that a report is there before torch would be

        parent = self.folder / _CANDIDATES
        scratch = None
        try:
            parent.mkdir(exist_ok=True)
            scratch = Path(tempfile.mkdtemp(dir=parent, prefix=_UNFINISHED))
            save_candidate(candidate, scratch)
            digest = _digest(scratch)
            target = parent / digest
            if not target.exists():
                for path in (*scratch.iterdir(), scratch):
                    _sync(path)
                scratch.replace(target)
                _sync(parent)
        except (OSError, SafetensorError) as error:  # safetensors has its own error for a full disk
            why = getattr(error, "strerror", None) or error
            raise StudyError(f"{parent} cannot be written: {why}.", _AGAIN) from error
        finally:
            if scratch is not None:
                shutil.rmtree(scratch, ignore_errors=True)
        return digest

    def candidate(self, digest: str) -> Candidate:
        """Return a stored candidate.

        Raises:
            StudyError: its files are gone or were changed.
        """
        from crossover.candidate import load_candidate  # see `keep_candidate`

        folder = self.folder / _CANDIDATES / digest
        if not folder.is_dir() or _digest(folder) != digest:
            raise StudyError(f"{folder} is missing or was changed.", "run the study anew: --study DIR")
        return load_candidate(folder)

    @contextmanager
    def _connected(self, done: str, way_out: str) -> Iterator[Connection]:
        """Give a connection inside one transaction; what the database cannot do is the user's to mend."""
        try:
            with _undisturbed(), self._engine.begin() as connection:
                yield connection
        except DatabaseError as error:
            raise StudyError(f"{self.folder / _FILE} cannot be {done}: {error.orig}.", way_out) from error


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let Ctrl-C and a scheduler's request wait until the block has ended: SQLAlchemy would log them as a fault."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    before = {number: signal.signal(number, lambda got, _: held.append(got)) for number in _INTERRUPTS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
        for got in held:
            signal.raise_signal(got)


def _configure(connection: Any, _record: object) -> None:  # noqa: ANN401  # a DB-API connection has no common type
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # a finished trial survives a power cut
    cursor.close()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _name(key: TrialKey) -> str:
    return json.dumps(asdict(key), sort_keys=True)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _digest(folder: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        total.update(path.name.encode())
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()[:40]

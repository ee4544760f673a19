"""A study's store: one SQLite file for trials, a folder of content-addressed candidates beside it.

A cell is written once, when it is complete: first its candidate's folder (temporary name, fsync, rename), then its row in one
transaction. Whatever is interrupted leaves the old state; a candidate without a row is found and used again or overwritten.
"""

from __future__ import annotations

__all__ = ["StudyKey", "StudyStore"]

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import NullPool

from crossover.candidate import Candidate, load_candidate, save_candidate
from crossover.errors import StudyError
from crossover.records import TrialKey, TrialRecord
from crossover.study.codec import record_from_json, record_to_json

SCHEMA = 1
_FILE = "study.sqlite"
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
        if not file.exists():
            if not create:
                raise StudyError(
                    f"{folder} holds no study: there is no {_FILE}.",
                    "name the folder that crossover run printed, for example tickets-study",
                )
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StudyError(f"{folder} cannot be made: {error.strerror}.", "name another place with --study DIR") from error
        engine = create_engine(f"sqlite:///{file}", poolclass=NullPool, connect_args={"timeout": 60})
        event.listen(engine, "connect", _configure)
        store = cls(folder, engine)
        try:
            with engine.begin() as connection:
                for statement in _TABLES:
                    connection.execute(text(statement))
        except (OperationalError, DatabaseError) as error:
            raise StudyError(
                f"{file} cannot be opened: {error.orig}.", "free some space or repair the file; or begin anew with --study DIR"
            ) from error
        os.chmod(file, 0o600)
        found = store.get("schema")
        if found is None:
            store.put("schema", SCHEMA)
        elif found != SCHEMA:
            raise StudyError(f"{folder} has schema {found}, this release reads {SCHEMA}.", "upgrade crossover-lm, or begin anew with --study DIR")
        return store

    def get(self, name: str) -> Any:  # noqa: ANN401  # JSON
        """Return a JSON value that was put under a name, or None."""
        with self._engine.connect() as connection:
            row = connection.execute(text("SELECT value FROM study WHERE name = :name"), {"name": name}).first()
        return None if row is None else json.loads(row[0])

    def put(self, name: str, value: Any) -> None:  # noqa: ANN401  # JSON
        """Keep a JSON value under a name."""
        self._write(
            "INSERT OR REPLACE INTO study (name, value) VALUES (:name, :value)",
            {"name": name, "value": json.dumps(value, ensure_ascii=False)},
        )

    def claim(self, key: StudyKey) -> None:
        """Make the study one of this key, or check that it is.

        Raises:
            StudyError: it is a study of other data or another model; the message says which.
        """
        found = self.get("key")
        if found is None:
            self.put("key", asdict(key))
            return
        for field, what in (("data_sha256", "data (or split)"), ("model", "model"), ("model_sha256", "model file")):
            if found[field] != getattr(key, field):
                raise StudyError(
                    f"{self.folder} is a study of other {what}: {found[field][:24]}, now {getattr(key, field)[:24]}.",
                    "go on with what it was made with, or begin a new study: --study DIR",
                )

    def finished(self) -> dict[TrialKey, TrialRecord]:
        """Return all trials that are complete."""
        with self._engine.connect() as connection:
            rows = connection.execute(text("SELECT record FROM trial ORDER BY key")).all()
        records = [record_from_json(json.loads(row[0])) for row in rows]
        return {record.key: record for record in records}

    def attempt(self, key: TrialKey) -> int:
        """Note that a trial begins; return how often it has begun now, this time included."""
        name = _name(key)
        self._write(
            "INSERT INTO attempt (key, started) VALUES (:key, :started)", {"key": name, "started": _now()}
        )
        with self._engine.connect() as connection:
            count = connection.execute(text("SELECT COUNT(*) FROM attempt WHERE key = :key"), {"key": name}).scalar_one()
        return int(count)

    def finish(self, record: TrialRecord) -> None:
        """Write a finished trial. A trial that is there already stays as it is."""
        self._write(
            "INSERT OR IGNORE INTO trial (key, record, finished) VALUES (:key, :record, :finished)",
            {
                "key": _name(record.key),
                "record": json.dumps(record_to_json(record), ensure_ascii=False),
                "finished": _now(),
            },
        )

    def keep_candidate(self, candidate: Candidate) -> str:
        """Store a candidate's files under the digest of their content; return the digest."""
        parent = self.folder / "candidates"
        scratch = None
        try:
            parent.mkdir(exist_ok=True)
            scratch = Path(tempfile.mkdtemp(dir=parent, prefix=".new-"))
            save_candidate(candidate, scratch)
            digest = _digest(scratch)
            target = parent / digest
            if not target.exists():
                for path in scratch.iterdir():
                    with path.open("rb") as file:
                        os.fsync(file.fileno())
                os.replace(scratch, target)
        except OSError as error:
            raise StudyError(
                f"{parent} cannot be written: {error.strerror or error}.",
                "free some space and run the same command again: finished trials are kept",
            ) from error
        finally:
            if scratch is not None:
                shutil.rmtree(scratch, ignore_errors=True)
        return digest

    def candidate(self, digest: str) -> Candidate:
        """Return a stored candidate.

        Raises:
            StudyError: its files are gone or were changed.
        """
        folder = self.folder / "candidates" / digest
        if not folder.is_dir() or _digest(folder) != digest:
            raise StudyError(f"{folder} is missing or was changed.", "run the study again: --study DIR")
        return load_candidate(folder)

    def _write(self, statement: str, values: Mapping[str, Any]) -> None:
        try:
            with self._engine.begin() as connection:
                connection.execute(text(statement), dict(values))
        except (OperationalError, DatabaseError) as error:
            raise StudyError(
                f"{self.folder / _FILE} cannot be written: {error.orig}.",
                "free some space and run the same command again: finished trials are kept",
            ) from error


def _configure(connection: Any, _record: object) -> None:  # noqa: ANN401  # a DB-API connection has no common type
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # a finished trial survives a power cut
    cursor.close()


def _name(key: TrialKey) -> str:
    return json.dumps(asdict(key), sort_keys=True, ensure_ascii=False)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _digest(folder: Path) -> str:
    total = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        total.update(path.name.encode())
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()[:40]

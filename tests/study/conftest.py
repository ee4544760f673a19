from __future__ import annotations

import multiprocessing
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from tests.small import save_tiny, write_rows


@pytest.fixture(scope="session")
def server() -> ForkServerContext:
    """Starts processes that have torch in place already: importing it takes longer than a run."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["crossover.api", "crossover.report.page", "tests.study.child"])
    return context


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.getbasetemp() / "tiny-model")


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "tickets.csv", 45)

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from crossover.report.page import render
from tests.report.hostile import all_at_once
from tests.report.invented import Study, make_study
from tests.report.watched import CHROMIUM, QUIET


@pytest.fixture(scope="session")
def study() -> Study:
    return make_study()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(QUIET))
        yield found
        found.close()


@pytest.fixture(scope="session")
def pages(study: Study, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return file addresses of the report of an ordinary study and of a hostile one."""
    folder = tmp_path_factory.mktemp("pages")
    addresses = {}
    for name, made in {"ordinary": study, "hostile": all_at_once(study)}.items():
        path = folder / f"{name}.html"
        page = render(made.verdict, made.records, provenance=made.provenance, examples=made.examples)
        path.write_text(page, encoding="utf-8")
        addresses[name] = path.as_uri()
    return addresses

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Page, sync_playwright

from crossover.report.page import render
from tests.report.hostile import all_at_once
from tests.report.invented import Study

CHROMIUM = Path("/usr/bin/chromium")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=str(CHROMIUM), args=list(QUIET))
        yield found
        found.close()


@pytest.fixture(scope="module")
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


class Watched:
    """An opened page and everything that it did besides."""

    def __init__(
        self, browser: Browser, address: str, *, width: int = 1280, dark: bool = False, scripts: bool = True
    ) -> None:
        self.context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
        )
        self.page: Page = self.context.new_page()
        self.events: list[str] = []
        self.page.on("console", lambda message: self.events.append(f"console {message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.events.append(f"error: {error}"))
        self.page.on("dialog", self._dialog)
        self.page.on("request", lambda request: self.events.append(f"request: {request.url}"))
        self.page.goto(address)
        if scripts:
            self.page.wait_for_function("document.querySelectorAll('.chart svg').length === 2")
        self.events.remove(f"request: {address}")

    def _dialog(self, dialog: Dialog) -> None:
        self.events.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def __enter__(self) -> Watched:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()


@pytest.mark.parametrize("name", ["ordinary", "hostile"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True])
def test_the_page_draws_and_does_nothing_else(
    browser: Browser, pages: dict[str, str], name: str, width: int, dark: bool
) -> None:
    with Watched(browser, pages[name], width=width, dark=dark) as watched:
        page = watched.page
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.locator("details").evaluate_all("all => all.forEach((one) => { one.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert watched.events == []


def test_pointing_at_the_marks_of_a_hostile_study_tells_text(browser: Browser, pages: dict[str, str]) -> None:
    with Watched(browser, pages["hostile"]) as watched:
        for mark in watched.page.locator(".chart .mark-symbol path").all():
            mark.hover(force=True)
            watched.page.locator("#tip").evaluate(
                "tip => { if (tip.querySelector('*:not(div):not(span)')) throw tip; }"
            )
        assert "alert(1)" in watched.page.locator("#tip").inner_text()
        assert watched.events == []


def test_pointing_at_a_mark_tells_its_arm(browser: Browser, pages: dict[str, str]) -> None:
    with Watched(browser, pages["ordinary"]) as watched:
        watched.page.locator("#chart-cost .mark-symbol path").nth(6).hover()
        tip = watched.page.locator("#tip")
        assert tip.is_visible()
        assert "method" in tip.inner_text()
        assert "lora" in tip.inner_text()


@pytest.mark.parametrize("name", ["ordinary", "hostile"])
def test_without_scripts_the_verdict_the_charts_and_the_table_are_there(
    browser: Browser, pages: dict[str, str], name: str
) -> None:
    with Watched(browser, pages[name], scripts=False) as watched:
        page = watched.page
        assert page.locator("h1").inner_text() == "Fine-tune."
        assert page.locator("#arm-table tbody tr").count() == 14
        assert page.locator("#arm-table tbody tr").last.is_visible()
        assert page.locator(".chart svg").count() == 2
        assert page.locator(".chart svg").first.is_visible()
        assert watched.events == []


def test_the_table_sorts_by_keyboard(browser: Browser, pages: dict[str, str]) -> None:
    with Watched(browser, pages["ordinary"]) as watched:
        page = watched.page
        score = page.get_by_role("button", name="Score", exact=True)
        score.focus()
        page.keyboard.press("Enter")
        first = page.locator("#arm-table tbody tr th")
        assert page.get_by_role("columnheader", name="Score", exact=True).get_attribute("aria-sort") == "descending"
        assert "lora+few-shot" in first.first.inner_text()
        page.keyboard.press("Enter")
        assert page.get_by_role("columnheader", name="Score", exact=True).get_attribute("aria-sort") == "ascending"
        assert "majority" in first.first.inner_text()
        page.get_by_role("button", name="Dev", exact=True).press("Space")
        # Unknown values stay last, whichever way the column is sorted.
        assert "zero-shot" in first.last.inner_text()
        assert watched.events == []


def test_the_policy_stops_a_script_that_got_in(browser: Browser, pages: dict[str, str]) -> None:
    with Watched(browser, pages["ordinary"]) as watched:
        watched.page.evaluate(
            """() => {
                const script = document.createElement("script");
                script.textContent = "window.reached = true";
                document.body.append(script);
                const image = document.createElement("img");
                image.src = "https://evil.example/x.png";
                document.body.append(image);
            }"""
        )
        assert watched.page.evaluate("window.reached") is None
        assert not [event for event in watched.events if event.startswith(("dialog", "error"))]
        assert all("Content Security Policy" in event for event in watched.events if event.startswith("console"))

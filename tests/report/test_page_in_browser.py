from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.report.watched import Watched, in_chromium

pytestmark = in_chromium


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
        told = ""
        for mark in watched.page.locator(".chart .mark-symbol path").all():
            mark.hover(force=True)
            watched.page.locator("#tip").evaluate(
                "tip => { if (tip.querySelector('*:not(div):not(span)')) throw tip; }"
            )
            told += watched.page.locator("#tip").inner_text()
        assert "alert(1)" in told
        assert watched.events == []


def test_pointing_at_a_mark_tells_its_arm(browser: Browser, pages: dict[str, str]) -> None:
    with Watched(browser, pages["ordinary"]) as watched:
        told = set()
        tip = watched.page.locator("#tip")
        for mark in watched.page.locator("#chart-cost .mark-symbol path").all():
            mark.hover(force=True)
            assert tip.is_visible()
            heading, method = tip.inner_text().splitlines()[:2]
            assert heading == "method"
            told.add(method)
        assert {"lora", "lora+few-shot", "knn-few-shot", "linear"} <= told


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

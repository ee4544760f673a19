from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from crossover.report.differences import where_they_differ
from tests.report.invented import Study
from tests.report.watched import Watched, in_chromium

pytestmark = in_chromium


def visible(page: Page) -> list[str]:
    return [text for text in page.locator("#row-table tbody tr:not([hidden])").all_inner_texts() if text]


def pair(study: Study) -> tuple[int, int]:
    """Return how many rows lora alone and knn-few-shot alone have right."""
    found = where_they_differ(study.verdict, study.records, study.examples)
    assert found is not None
    first = found.pairs[0]
    assert (first.first.name, first.second.name) == ("lora", "knn-few-shot")
    return int(first.only_first), int(first.only_second)


def test_it_begins_with_the_rows_on_which_the_compared_arms_differ(
    browser: Browser, pages: dict[str, str], study: Study
) -> None:
    only_lora, only_knn = pair(study)
    with Watched(browser, pages["ordinary"]) as watched:
        page = watched.page
        status = page.locator("#row-count")
        assert status.inner_text().startswith(f"{only_lora + only_knn} of ")
        assert len(visible(page)) == min(25, only_lora + only_knn)
        page.get_by_label("Outcome", exact=True).select_option("only the second right")
        assert len(visible(page)) == min(25, only_knn)
        assert status.inner_text().startswith(f"{only_knn} of ")
        page.get_by_label("Arm", exact=True).select_option("knn-few-shot")
        page.get_by_label("against", exact=True).select_option("lora")
        assert status.inner_text().startswith(f"{only_lora} of ")
        assert watched.events == []


def test_label_and_search_narrow_the_rows(browser: Browser, pages: dict[str, str]) -> None:
    with Watched(browser, pages["ordinary"]) as watched:
        page = watched.page
        page.get_by_label("Outcome", exact=True).select_option("any")
        page.get_by_label("Label", exact=True).select_option("track_parcel")
        wanted = page.locator("#row-table tbody tr:not([hidden]) td:nth-child(3)")
        assert set(wanted.all_inner_texts()) == {"track_parcel"}
        page.get_by_label("Label", exact=True).select_option("all")
        page.get_by_label("Search", exact=True).fill("PARCEL number 11,")
        assert 0 < len(visible(page)) < 4
        assert all("11, it was due" in text for text in visible(page)), "every word, wherever it stands"
        for unseen in ("wrong", "seeds"):
            page.get_by_label("Search", exact=True).fill(unseen)
            assert visible(page) == [], "what marks an answer is no part of it"
        page.get_by_label("Search", exact=True).fill("there is no such text")
        assert visible(page) == []
        assert page.locator("#row-count").inner_text().startswith("0 of ")


def test_more_rows_by_keyboard(browser: Browser, pages: dict[str, str]) -> None:
    with Watched(browser, pages["ordinary"]) as watched:
        page = watched.page
        page.get_by_label("Outcome", exact=True).select_option("any")
        before = len(visible(page))
        more = page.get_by_role("button", name="Show more")
        more.press("Enter")
        assert len(visible(page)) == before + 25
        assert page.evaluate("document.activeElement.tagName") == "TR", "the reader goes on at the first new row"
        while more.is_visible():
            more.press("Enter")
        assert len(visible(page)) == page.locator("#row-table tbody tr").count()
        page.get_by_label("Search", exact=True).press("Enter")
        assert watched.events == [], "Enter in the form loads nothing"


def test_without_scripts_all_rows_are_a_plain_table(browser: Browser, pages: dict[str, str]) -> None:
    with Watched(browser, pages["ordinary"], scripts=False) as watched:
        page = watched.page
        assert not page.locator("#row-filter").is_visible()
        assert not page.get_by_role("button", name="Show more").is_visible()
        assert page.locator("#row-table tbody tr").last.is_visible()


def test_the_first_tab_leads_past_the_head(browser: Browser, pages: dict[str, str]) -> None:
    with Watched(browser, pages["ordinary"]) as watched:
        page = watched.page
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "verdict"


def test_what_has_the_focus_can_be_seen(browser: Browser, pages: dict[str, str]) -> None:
    with Watched(browser, pages["ordinary"]) as watched:
        page = watched.page
        seen = set()
        for _ in range(60):
            page.keyboard.press("Tab")
            tag, width = page.evaluate(
                "() => { const on = document.activeElement; return [on.tagName, getComputedStyle(on).outlineStyle]; }"
            )
            if tag == "BODY":
                break
            seen.add(tag)
            assert width != "none", f"{tag} has no outline"
        assert {"A", "BUTTON", "SUMMARY", "SELECT", "INPUT", "DIV"} <= seen


def test_paper_shows_everything_and_no_controls(browser: Browser, pages: dict[str, str], tmp_path: Path) -> None:
    with Watched(browser, pages["ordinary"]) as watched:
        page = watched.page
        page.emulate_media(media="print")
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        assert page.locator("details:not([open])").count() == 0
        for control in (".skip", "#row-filter", "#row-more"):
            assert not page.locator(control).is_visible()
        assert page.locator(".chart svg").first.is_visible()
        assert page.locator(".curve svg").first.is_visible()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        page.pdf(path=tmp_path / "page.pdf")
        assert (tmp_path / "page.pdf").stat().st_size > 20_000


def test_paper_is_white_in_the_dark(browser: Browser, pages: dict[str, str]) -> None:
    with Watched(browser, pages["ordinary"], dark=True) as watched:
        assert watched.page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
        watched.page.emulate_media(media="print")
        assert watched.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


@pytest.mark.parametrize("outcome", ["differ", "first", "second", "neither", "both", "any"])
def test_a_hostile_study_is_filtered_and_searched_as_text(
    browser: Browser, pages: dict[str, str], outcome: str
) -> None:
    with Watched(browser, pages["hostile"]) as watched:
        page = watched.page
        page.locator("#row-outcome").select_option(outcome)
        page.locator("#row-label").select_option(index=1)
        page.locator("#row-first").select_option(index=2)
        page.locator("#row-search").fill("<script>alert(1)</script>")
        assert watched.events == []
        assert page.locator("#row-count *").count() == 0

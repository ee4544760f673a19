"""A browser page and everything that it does besides being shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Page

CHROMIUM = Path("/usr/bin/chromium")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

in_chromium = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed"),
]


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

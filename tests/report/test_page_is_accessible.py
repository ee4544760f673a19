"""axe-core finds nothing serious on the page.

axe-core is a development tool and not part of the package: `CROSSOVER_AXE` names a folder with its `axe.min.js`; else
npm fetches the pinned release, whose sha512 is checked.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.report.watched import Watched, in_chromium

AXE = "axe-core@4.14.1"
AXE_SHA512 = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
SERIOUS = {"serious", "critical"}

pytestmark = in_chromium


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return axe-core's source."""
    folder = os.environ.get("CROSSOVER_AXE")
    if folder:
        return (Path(folder) / "axe.min.js").read_text(encoding="utf-8")
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("there is no npm to fetch axe-core with; CROSSOVER_AXE can name a folder with axe.min.js")
    place = tmp_path_factory.mktemp("axe")
    fetched = subprocess.run(
        [npm, "pack", AXE, "--silent", "--ignore-scripts"],
        cwd=place,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    packed = next(place.glob("*.tgz"), None)
    if fetched.returncode or packed is None:
        pytest.skip(f"npm cannot fetch {AXE}: {fetched.stderr.strip()[-200:]}")
    assert b64encode(hashlib.sha512(packed.read_bytes()).digest()).decode() == AXE_SHA512
    with tarfile.open(packed) as archive:
        member = archive.extractfile("package/axe.min.js")
        assert member is not None
        return member.read().decode()


def serious(watched: Watched, axe: str) -> list[str]:
    """Return what axe finds serious or critical, with where."""
    watched.page.wait_for_function("document.querySelectorAll('.chart svg[aria-hidden]').length === 2")
    watched.page.locator("details").evaluate_all("all => all.forEach((one) => { one.open = true; })")
    # The page's policy lets no script in: the developer tools' own evaluation is not under it.
    watched.page.evaluate(axe)
    found: dict[str, Any] = watched.page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    return [
        f"{one['id']}: {node['target']} {node['html'][:120]} {node['failureSummary'][:200]}"
        for one in found["violations"]
        if one["impact"] in SERIOUS
        for node in one["nodes"][:3]
    ]


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True])
def test_nothing_serious_is_found(browser: Browser, pages: dict[str, str], axe: str, width: int, dark: bool) -> None:
    with Watched(browser, pages["ordinary"], width=width, dark=dark) as watched:
        assert serious(watched, axe) == []


def test_axe_sees_what_is_wrong(browser: Browser, pages: dict[str, str], axe: str) -> None:
    with Watched(browser, pages["ordinary"]) as watched:
        watched.page.evaluate("document.querySelector('label[for=row-search]').remove()")
        assert any(found.startswith("label:") for found in serious(watched, axe))

from __future__ import annotations

import pytest

from tests.report.invented import Study, make_study


@pytest.fixture(scope="session")
def study() -> Study:
    return make_study()

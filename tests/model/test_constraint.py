"""A constraint is one of three."""

from __future__ import annotations

import subprocess
import sys

import pytest

from crossover.errors import OptionError
from crossover.model.constraint import Constraint


def test_exactly_one_is_given() -> None:
    with pytest.raises(OptionError, match="but got none"):
        Constraint()
    with pytest.raises(OptionError, match="but got regex and choices"):
        Constraint(regex="a", choices=("a",))
    assert Constraint(regex="").regex == ""
    assert Constraint(json_schema={}).json_schema == {}


@pytest.mark.parametrize("choices", [(), ("",), ("a", "")])
def test_there_is_a_choice(choices: tuple[str, ...]) -> None:
    with pytest.raises(OptionError, match="choices must be texts that are not empty"):
        Constraint(choices=choices)


def test_it_is_data_without_torch() -> None:
    code = "import sys, crossover.model.constraint; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"

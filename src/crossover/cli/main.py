"""The way in: errors, warnings and signals of the command line."""

from __future__ import annotations

__all__ = ["main"]

import logging
import signal
import sys
import warnings

from crossover.cli.app import app
from crossover.errors import UserError

INTERRUPTED = 130


def main() -> None:
    """Run the command line; a user's mistake prints no traceback and exits 2, an interrupted study 130."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that cannot show a bar must not end a run
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # other packages' notes to developers; `python -W` shows them
        logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # the same
    signal.signal(signal.SIGTERM, _stop)
    try:
        app()
    except UserError as error:
        sys.stderr.write(f"error: {error.message}\n" + "".join(f"  {line}\n" for line in error.details))
        sys.exit(2)
    except KeyboardInterrupt:
        _say_stopped()
        sys.exit(INTERRUPTED)
    except SystemExit as ended:
        if ended.code == INTERRUPTED:  # typer has caught Ctrl-C before us
            _say_stopped()
        raise


def _say_stopped() -> None:
    sys.stderr.write("\nstopped. Finished trials are kept: the same command goes on from here.\n")


def _stop(_number: int, _frame: object) -> None:
    """End in order when a scheduler asks: the trial that runs is not to blame, and is not counted as tried."""
    raise KeyboardInterrupt

"""A fit's state on disk, JSON and safetensors: what was trained so far, and what the optimizer remembers of it.

The JSON names its tensors' file and that file's sha256, and is replaced last: a fit that is killed while it saves goes
on from the state before.
"""

from __future__ import annotations

__all__ = ["load_checkpoint", "save_checkpoint"]

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors.torch import load, save

from crossover.errors import ModelError
from crossover.model.base import ModelIdentity, TrainSettings
from crossover.model.engine import FitState

_SCHEMA = "crossover.fit/1"
_FILE = "fit.json"
_WAY_OUT = "begin the fit anew, without a saved state"


def save_checkpoint(folder: Path, state: FitState, settings: TrainSettings, identity: ModelIdentity) -> None:
    """Write a fit's state into a folder, in place of the one before.

    Raises:
        ModelError: the folder cannot be written; what was saved before is still there.
    """
    data = save({name: tensor.contiguous() for name, tensor in state.tensors.items()})
    digest = hashlib.sha256(data).hexdigest()
    tensors = f"fit-{digest[:16]}.safetensors"
    said = {
        "schema": _SCHEMA,
        "steps": state.steps,
        "model": {"sha256": identity.sha256, "precision": identity.precision},
        "settings": asdict(settings),
        "tensors": tensors,
        "sha256": digest,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _replace(folder / tensors, data)
        _replace(folder / _FILE, json.dumps(said, indent=1).encode())
    except OSError as error:
        raise ModelError(
            f"{folder} cannot be written: {error.strerror or error}.", "free some space, or name another folder"
        ) from error
    for other in folder.glob("fit-*.safetensors"):
        if other.name != tensors:
            with suppress(OSError):
                other.unlink()


def load_checkpoint(folder: Path, settings: TrainSettings, identity: ModelIdentity, names: Sequence[str]) -> FitState:
    """Read a fit's state.

    Raises:
        ModelError: there is none, it is damaged, or it belongs to another model, other settings or other weights.
    """
    try:
        said: Any = json.loads((folder / _FILE).read_bytes())
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder} holds no saved fit that can be read.", _WAY_OUT) from error
    if not isinstance(said, dict) or said.get("schema") != _SCHEMA:
        raise ModelError(f"{folder / _FILE} is no saved fit of this version.", _WAY_OUT)
    wanted = json.loads(json.dumps(asdict(settings)))
    model = {"sha256": identity.sha256, "precision": identity.precision}
    for what, now, then in (("model", model, said.get("model")), ("settings", wanted, said.get("settings"))):
        if not isinstance(then, dict) or now != then:
            keys = [k for k in now if not isinstance(then, dict) or then.get(k) != now[k]]
            key = keys[0] if keys else what
            before = then.get(key) if isinstance(then, dict) else None
            raise ModelError(
                f"the fit in {folder} had another {what}: {key} {before!r}, now {now.get(key)!r}.", _WAY_OUT
            )
    tensors = str(said.get("tensors"))
    if Path(tensors).name != tensors:
        raise ModelError(f"{folder / _FILE} names a file outside its folder.", _WAY_OUT)
    try:
        data = (folder / tensors).read_bytes()
    except OSError as error:
        raise ModelError(f"{folder} lacks the weights of its fit, {tensors}.", _WAY_OUT) from error
    steps = said.get("steps")
    if hashlib.sha256(data).hexdigest() != said.get("sha256") or not isinstance(steps, int) or steps < 0:
        raise ModelError(f"the fit in {folder} is damaged.", _WAY_OUT)
    state = FitState(steps=steps, tensors=load(data))
    if state.names() != set(names):
        raise ModelError(f"the fit in {folder} trained other weights.", _WAY_OUT)
    return state


def _replace(path: Path, data: bytes) -> None:
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with scratch.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    finally:
        with suppress(OSError):
            scratch.unlink()

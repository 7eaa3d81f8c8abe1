"""Seats: which cores and which device a process takes that shares a machine with its like.

Processes of a cluster are not numbered in a way that all clusters share, so each takes the lowest
number that is free on this machine: a locked file, which the kernel frees when the process ends.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, TypeVar

from xltpipe.durable import digest_json
from xltpipe.spec import Spec

_MOST = 1024
_held: list[IO[str]] = []
S = TypeVar("S", bound=Spec)


@cache
def seat(group: str) -> int:
    """The number of this process among those of its group on this machine, from 0.

    Taken once, and kept until the process ends.
    """
    mine = f"xltpipe-{os.getuid()}" if hasattr(os, "getuid") else "xltpipe"
    folder = Path(tempfile.gettempdir()) / mine / digest_json(group)[:16]
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for number in range(_MOST):
        file = (folder / str(number)).open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            continue
        _held.append(file)
        return number
    return _MOST


@cache
def take_cores(group: str, workers: int) -> None:
    """Keep this thread, and threads that it starts, to its share of the cores of this process."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, share(cores, seat(group), workers))


def share(cores: Sequence[int], seat: int, workers: int) -> list[int]:
    """Every core to one of the workers, as evenly as can be; more workers than cores share them."""
    place = seat % workers
    return list(cores[place::workers]) or [cores[place % len(cores)]]


def on_device(spec: S, group: str) -> S:
    """The settings for a process that sees one GPU: the one of its seat; as they are without GPUs.

    Engines number the devices that they see, so what is left is device 0.
    """
    named = _devices(spec)
    device = chosen(seat(group), named, visible(os.environ)) if _gpus(spec) else None
    if device is None:
        return spec
    os.environ["CUDA_VISIBLE_DEVICES"] = device
    return _renumbered(spec)


def chosen(seat: int, named: Sequence[int], seen: Sequence[str]) -> str | None:
    """The GPU of a seat: of those that the recipe names, if several, else of all that are seen."""
    if len(named) > 1:
        seen = [seen[number] for number in named if number < len(seen)]
    return seen[seat % len(seen)] if seen else None


def visible(environment: Mapping[str, str]) -> list[str]:
    """The GPUs that this process was given. Asks no driver: that would fix them for good."""
    given = environment.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        return [one for one in given.split(",") if one]
    cards = Path("/proc/driver/nvidia/gpus")
    return [str(number) for number in range(len(list(cards.iterdir())))] if cards.is_dir() else []


def _gpus(value: object) -> bool:
    """Some component may compute on a GPU."""
    if isinstance(value, Spec):
        own = getattr(value, "device", "cpu")
        return own != "cpu" or any(_gpus(inside) for _, inside in value)
    return isinstance(value, tuple) and any(map(_gpus, value))


def _devices(value: object) -> tuple[int, ...]:
    """The longest list of GPUs that a component names."""
    if isinstance(value, Spec):
        own: tuple[int, ...] = getattr(value, "devices", ())
        return max([own, *(_devices(inside) for _, inside in value)], key=len)
    if isinstance(value, tuple):
        return max(map(_devices, value), key=len, default=())
    return ()


def _renumbered(spec: S) -> S:
    """Every `devices` set to the one that is seen, at any depth."""
    changed = {name: _inside(value) for name, value in spec}
    if "devices" in changed:
        changed["devices"] = (0,)
    differing = {name: new for name, new in changed.items() if new is not getattr(spec, name)}
    return spec.model_copy(update=differing) if differing else spec


def _inside(value: object) -> object:
    if isinstance(value, Spec):
        return _renumbered(value)
    if isinstance(value, tuple):
        new = tuple(map(_inside, value))
        return new if any(a is not b for a, b in zip(new, value, strict=True)) else value
    return value

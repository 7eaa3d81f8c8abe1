"""What `xltpipe models` shows, as tables or as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from xltpipe import front_matter, progress
from xltpipe.cli.render import console

if TYPE_CHECKING:
    from xltpipe.translation.convert import Converted
    from xltpipe.translation.inventory import Entry
    from xltpipe.translation.verification import Check

_SHOWN = 6  # languages of a model in a list; the others are counted
_OF_CARD = {"base_model", "datasets"}
_COLOURS = {"ok": "green", "warning": "yellow", "failed": "bold red", "skipped": "dim"}


def listed(found: Sequence[Entry], *, as_json: bool) -> None:
    """Print one line per model, and below why some cannot be used."""
    if as_json:
        _json([_plain(one) for one in found])
        return
    shown = Table(box=None, header_style="bold", pad_edge=False)
    for name in (
        "name",
        "family",
        "languages",
        "directions",
        "size",
        "weights",
        "licence",
        "where",
    ):
        right = name in {"directions", "size"}
        shown.add_column(name, justify="right" if right else "left", overflow="fold")
    for one in found:
        said = one.description
        shown.add_row(
            Text(one.name, style="bold" if one.embedded else ""),
            Text(said.family if said else "?"),
            Text(_languages(one)),
            str(one.directions) if said else "",
            _size(one.size),
            one.quantization or "?",
            Text(one.licence or "not stated"),
            Text("embedded" if one.embedded else str(one.home.parent)),
        )
    console.print(shown)
    for one in found:
        if one.fault is not None:
            console.print(Text(f"{one.name} cannot be used: {one.fault}", style="red"))
    if not found:
        console.print("no models; xltpipe models convert SOURCE OUTPUT makes one")


def info(one: Entry, *, as_json: bool) -> None:
    """Print what is known of one model."""
    if as_json:
        _json(_plain(one) | {"card": _card(one), "files": _files(one)})
        return
    said = one.description
    rows: list[tuple[str, str]] = [("name", one.name), ("where", str(one.home))]
    if said is not None:
        rows += [("family", said.family), ("translates", said.pairs())]
        rows += [("directions", str(one.directions)), ("markers", " ".join(said.markers) or "none")]
        tokenizer = [said.tokenizer.source, *filter(None, [said.tokenizer.target])]
        rows += [
            ("tokenizer", ", ".join(tokenizer)),
            ("longest input", f"{said.max_positions} tokens"),
        ]
        rows += [("prompt", said.prompt)] if said.prompt else []
    rows += [("weights", one.quantization or "cannot be read"), ("size", _size(one.size))]
    rows += [("licence", one.licence or "not stated")]
    rows += [(name, str(value)) for name, value in _card(one).items() if name in _OF_CARD]
    rows += [("checksums", "SHA256SUMS" if one.checksums else "none")]
    rows += [("files", ", ".join(f"{name} {_size(size)}" for name, size in _files(one).items()))]
    shown = Table(box=None, show_header=False, pad_edge=False)
    shown.add_column(style="bold")
    shown.add_column(overflow="fold")
    for name, value in rows:
        shown.add_row(name, Text(value))
    console.print(shown)
    if one.fault is not None:
        console.print(Text(f"cannot be used: {one.fault}", style="red"))


def converted(done: Converted, *, as_json: bool) -> None:
    """Print where a converted model is, and how near it is to the original."""
    found = done.fidelity
    if as_json:
        said = json.loads(done.description.model_dump_json(exclude_defaults=True))
        compared = None if found is None else asdict(found)
        _json(
            {"model": str(done.model), "licence": done.licence, "fidelity": compared}
            | {"description": said}
        )
        return
    console.print(Text(f"wrote {done.model}"), soft_wrap=True)
    console.print(Text(f"{done.description.family}: {done.description.pairs()}"), soft_wrap=True)
    if found is None:
        console.print("it was not compared with the original (--no-check)")
    else:
        console.print(
            f"log-probabilities differ from the original's by {found.mean:.2g} nats per piece on "
            f"average, {found.greatest:.2g} at most ({found.sequences} random sequences)",
            soft_wrap=True,
        )
    if done.licence == "unknown":
        console.print("its licence is unknown: state it with --licence", style="yellow")
    _notes()


def checks(one: Entry, found: Sequence[Check], *, as_json: bool) -> None:
    """Print one line per check."""
    if as_json:
        _json({"name": one.name, "home": str(one.home), "checks": [asdict(c) for c in found]})
        return
    console.print(Text(f"{one.name} ({one.home})"), soft_wrap=True)
    shown = Table(box=None, show_header=False, pad_edge=False)
    for column in range(3):
        shown.add_column(overflow="fold", no_wrap=column < 2)
    for check in found:
        colour = _COLOURS[check.state]
        shown.add_row(Text(check.state, style=colour), check.what, Text(check.detail))
    console.print(shown)
    _notes()


def _notes() -> None:
    for note in progress.notes:
        console.print(f"note: {note}", markup=False, soft_wrap=True)


def _languages(one: Entry) -> str:
    ids = one.languages
    more = f" and {len(ids) - _SHOWN} more" if len(ids) > _SHOWN + 1 else ""
    return " ".join(ids[:_SHOWN] if more else ids) + more


def _size(size: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def _files(one: Entry) -> dict[str, int]:
    files = sorted(file for file in one.home.rglob("*") if file.is_file())
    return {file.relative_to(one.home).as_posix(): file.stat().st_size for file in files}


def _card(one: Entry) -> dict[str, object]:
    """The header of the model's card."""
    files = (one.home / name for name in front_matter.CARDS)
    file = next((file for file in files if file.is_file()), None)
    return front_matter.read(file.read_text("utf-8")) if file else {}


def _plain(one: Entry) -> dict[str, Any]:
    said = one.description
    return {
        "name": one.name,
        "home": str(one.home),
        "embedded": one.embedded,
        "family": said.family if said else None,
        "languages": one.languages,
        "directions": one.directions,
        "markers": list(said.markers) if said else [],
        "max_positions": said.max_positions if said else None,
        "bytes": one.size,
        "quantization": one.quantization,
        "licence": one.licence,
        "checksums": one.checksums,
        "fault": one.fault,
    }


def _json(value: object) -> None:
    """Plain, not through rich: a pipe gets what `json` writes."""
    print(json.dumps(value, ensure_ascii=False, indent=2, default=str))  # noqa: T201

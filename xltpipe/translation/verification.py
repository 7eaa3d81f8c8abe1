"""Verification: whether a model directory is whole, and does what it says.

Files against their checksums, tokenizer against vocabulary, a token for each language, and a
sentence translated in the directions that it covers: article 1 of the Universal Declaration of
Human Rights, whose official translations are in the public domain.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

from xltpipe.checksums import compare_checksums
from xltpipe.errors import XltError
from xltpipe.languages import resolve
from xltpipe.translation.agreement import check_agreement
from xltpipe.translation.codec import codec
from xltpipe.translation.ctranslate2 import CTranslate2
from xltpipe.translation.description import Description, describe

State = Literal["ok", "warning", "failed", "skipped"]

Recogniser = Callable[[str, str, str], bool | None]
"""Whether a text is rather in the first language than in the second (ids); None: nobody knows."""

_ENOUGH = 0.5
"""Share of directions whose output must be in the target language, for no warning."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    what: str
    state: State
    detail: str


@dataclass(frozen=True, slots=True)
class _Said:
    """A sentence and its translation in one direction."""

    pair: tuple[str, str]
    given: str
    text: str
    truncated: bool


def verify(model: Path, *, sample: int, recognise: Recogniser | None = None) -> list[Check]:
    """Look at a model from outside to inside; what cannot be looked at for an earlier fault is not.

    Args:
        model: its directory.
        sample: how many directions are tried, at most.
        recognise: tells the language of outputs; None leaves that out.
    """
    out = [_checksums(model)]
    try:
        said = describe(model)
    except XltError as error:
        return [*out, Check("description", "failed", str(error))]
    out.append(Check("description", "ok", f"{said.family}: {said.pairs(20)}"))
    steps: tuple[Callable[[], list[Check]], ...] = (
        lambda: [_agreement(model, said)],
        lambda: [_tokens(model, said)],
        lambda: _smoke(model, said, sample, recognise),
    )
    for step in steps:
        if any(one.state == "failed" for one in out[1:]):
            break
        out += step()
    return out


def _checksums(model: Path) -> Check:
    try:
        wrong = compare_checksums(model)
    except XltError as error:
        return Check("checksums", "failed", str(error))
    if wrong is None:
        return Check("checksums", "skipped", "there is no SHA256SUMS to compare with")
    if wrong:
        return Check("checksums", "failed", "; ".join(wrong))
    return Check("checksums", "ok", "every file is as it was written")


def _agreement(model: Path, said: Description) -> Check:
    try:
        found = check_agreement(model, said)
    except XltError as error:
        return Check("tokenizer", "failed", str(error))
    return Check(
        "tokenizer",
        "ok",
        f"{found.source:.1%} of its source pieces and {found.target:.1%} of its target pieces are "
        "in the vocabulary",
    )


def _pairs(said: Description) -> list[tuple[str, str]]:
    """All directions, or as many-to-many models have too many, each language into its neighbour."""
    some = said.languages
    around = zip(some, some[1:] + some[:1], strict=True) if len(some) > 1 else ()
    return [*said.directions, *around]


def _tokens(model: Path, said: Description) -> Check:
    """Every language has its token; `codec` raises where one is missing."""
    wrong = []
    pairs = _pairs(said)
    for source, target in pairs:
        try:
            codec.__wrapped__(model, resolve(source), resolve(target))
        except XltError as error:
            wrong.append(str(error))
    if wrong:
        return Check("languages", "failed", f"{len(wrong)} of {len(pairs)} directions: {wrong[0]}")
    languages = {one for pair in pairs for one in pair}
    return Check("languages", "ok", f"{len(languages)} languages have their tokens")


@cache
def samples() -> dict[str, str]:
    """A sentence in each of some languages, by id."""
    lines = (files("xltpipe") / "translation" / "smoke.tsv").read_text("utf-8").splitlines()
    return {row["id"]: row["text"] for row in csv.DictReader(lines, delimiter="\t")}


def _tried(said: Description, sample: int) -> Iterator[tuple[str, str]]:
    """Directions to try: those whose source has a sentence, spread over the targets."""
    known = [one for one in said.languages if one in samples()]
    many = [
        (known[k % len(known)], target)
        for k, target in enumerate(said.languages)
        if known and known[k % len(known)] != target
    ]
    every = [pair for pair in [*said.directions, *many] if pair[0] in samples()]
    step = max(1, -(-len(every) // max(1, sample)))
    yield from every[::step]


def _smoke(
    model: Path, said: Description, sample: int, recognise: Recogniser | None
) -> list[Check]:
    tried = list(_tried(said, sample))
    if not tried:
        return [Check("translation", "skipped", "there is no sentence in any of its languages")]
    limit = min(256, said.max_positions)
    spec = CTranslate2(
        model=str(model), compute_type="auto", max_input_tokens=limit, max_output_tokens=limit
    )
    done: list[_Said] = []
    try:
        for source, target in tried:
            given = samples()[source]
            (one,) = spec.build(source, target).translate([given], source, target)
            done.append(_Said((source, target), given, one.text, one.truncated))
    except XltError as error:
        return [Check("translation", "failed", str(error))]
    out = [_whole(done)]
    if recognise is not None:
        out.append(_recognised(done, recognise))
    if said.markers:
        out.append(_markers(spec, done, said.markers[0]))
    return out


def _whole(done: Sequence[_Said]) -> Check:
    empty = [one for one in done if not one.text.strip()]
    cut = [one for one in done if one.truncated]
    many = len(done)
    state: State = "warning" if empty or len(cut) > many / 2 else "ok"
    if len(empty) == many:
        state = "failed"
    first = next((one for one in done if one not in empty), done[0])
    shown = f"{'-'.join(first.pair)}: {first.text[:80]}"
    told = f"{many} directions, {len(empty)} empty, {len(cut)} cut short; {shown}"
    return Check("translation", state, told)


def _recognised(done: Sequence[_Said], recognise: Recogniser) -> Check:
    found = [recognise(one.text, one.pair[1], one.pair[0]) for one in done]
    known = [one for one in found if one is not None]
    if not known:
        return Check("output language", "skipped", "no language that could be recognised")
    state: State = "ok" if sum(known) >= _ENOUGH * len(known) else "warning"
    return Check("output language", state, f"{sum(known)} of {len(known)} in the target language")


def _markers(spec: CTranslate2, done: Sequence[_Said], name: str) -> Check:
    """Marks around the last word of each sentence come through once each, in order."""
    kept = 0
    for one in done:
        start, _, last = one.given.rstrip(".。।").rpartition(" ")
        text = f"{start} [{name}] {last} [/{name}] ."
        (back,) = spec.build(*one.pair).translate([text], *one.pair)
        marks = [back.text.count(mark) for mark in (f"[{name}]", f"[/{name}]")]
        kept += marks == [1, 1] and back.text.find(f"[{name}]") < back.text.find(f"[/{name}]")
    state: State = "ok" if kept > len(done) / 2 else "warning"
    return Check("markers", state, f"{kept} of {len(done)} pairs survive")

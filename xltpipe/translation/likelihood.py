"""Likelihood: how far two texts are translations of each other (Vamvas and Sennrich, 2022).

Their NMTScore "direct": ½ [p(c|e) / p(c|c) + p(e|c) / p(e|e)], each p the geometric mean over the
pieces of a text and its end. The model must "translate" a language into itself for p(c|c); where
it cannot, p(c|e) and p(e|c) stand alone, and the name of the measure says so. A model that was
never taught to copy gives quotients far above 1 to junk: the geometric mean of both quotients,
each at most 1, is the other way to join the directions (docs/findings.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple, Protocol, cast

from xltpipe.errors import RecipeError
from xltpipe.languages import Language, resolve
from xltpipe.translation.codec import Codec, codec
from xltpipe.translation.description import Description, describe, vocabulary
from xltpipe.translation.engines import EngineKey, engine, usable_cores
from xltpipe.translation.tokenisers import HuggingFace, Pieces, SentencePiece, Tokeniser

Way = Literal["forward", "backward", "source", "target"]
"""forward: p(target|source), backward: p(source|target), source and target: of one given itself."""

Join = Literal["mean", "geometric"]
"""How the two directions become one number: as published, or capped and by geometric mean."""

_DIVISOR: dict[Way, Way] = {"forward": "target", "backward": "source"}

Texts = tuple[str, str]

BATCH_TOKENS = 1024
"""Padded target tokens per call of the engine: more is slower on a CPU."""

MOST_SCORES = 1_000_000
"""Scores remembered (some 200 bytes each); beyond it all are forgotten, which is counted."""


class _Scored(Protocol):
    log_probs: list[float]


class _Pending(Protocol):
    def result(self) -> _Scored: ...


class _Engine(Protocol):
    def score_batch(
        self,
        source: Sequence[Pieces],
        target: Sequence[Pieces],
        *,
        offset: int,
        max_input_length: int,
        asynchronous: bool,
    ) -> list[_Pending]: ...


class _Request(NamedTuple):
    """One text given, one wanted, and the direction in which the model is asked."""

    way: Way
    given: str
    wanted: str


class Likelihood:
    """Scores pairs of texts with one CTranslate2 model; each score is computed once.

    `notes` counts scores computed, scores reused, texts too long for the model, wanted texts with
    pieces it does not know, and how often the memory was emptied.
    """

    def __init__(
        self,
        key: EngineKey,
        ways: dict[Way, Codec],
        wanted: Tokeniser,
        *,
        normalised: bool,
        join: Join,
    ) -> None:
        self.join = join
        asked = _DIVISOR.keys() & ways.keys()
        self.normalised = normalised and {_DIVISOR[way] for way in asked} <= ways.keys()
        self.notes = dict.fromkeys(("computed", "reused", "too_long", "unknown", "emptied"), 0)
        self._key, self._ways, self._wanted = key, ways, wanted
        self._positions = describe(key.model).max_positions
        self._pieces = vocabulary(key.model, "target")
        self._known: dict[_Request, float | None] = {}

    @property
    def name(self) -> str:
        """The measure: `nmtscore` as published, `likelihood` without normalisation.

        `_geometric` follows if it is joined so, `_forward` or `_backward` for a one-way model.
        """
        ways = _DIVISOR.keys() & self._ways.keys()
        how = f"_{min(ways)}" if len(ways) == 1 else ""
        how = f"_{self.join}{how}" if self.join == "geometric" else how
        return ("nmtscore" if self.normalised else "likelihood") + how

    def score(self, pairs: Sequence[Texts]) -> list[float | None]:
        """One score per (source, target) pair, same order; the published one may exceed 1.

        None for a pair with a blank side or one that the model cannot hold.
        """
        if len(self._known) > MOST_SCORES:
            self._known.clear()
            self.notes["emptied"] += 1
        wanted = [self._requests(pair) for pair in pairs]
        self._compute([request for pair in wanted for both in pair for request in both])
        return [self._joined(pair) for pair in wanted]

    def log_likelihoods(self, way: Way, pairs: Sequence[Texts]) -> list[float | None]:
        """Mean log-probability per piece of the second text given the first, one per pair.

        None for a blank text or one that the model cannot hold.
        """
        requests = [_Request(way, *pair) for pair in pairs]
        self._compute(requests)
        return [self._known[request] for request in requests]

    def _requests(self, pair: Texts) -> list[tuple[_Request, ...]]:
        """For each direction what is asked, and what it is divided by."""
        source, target = pair
        out: list[tuple[_Request, ...]] = []
        if "forward" in self._ways:
            out.append((_Request("forward", source, target), _Request("target", target, target)))
        if "backward" in self._ways:
            out.append((_Request("backward", target, source), _Request("source", source, source)))
        return out if self.normalised else [both[:1] for both in out]

    def _joined(self, wanted: Sequence[tuple[_Request, ...]]) -> float | None:
        quotients: list[float] = []  # logarithms
        for both in wanted:
            logs = [one for request in both if (one := self._known[request]) is not None]
            if len(logs) < len(both):
                return None
            quotients.append(logs[0] - sum(logs[1:]))
        if self.join == "geometric":
            return math.exp(sum(min(0.0, one) for one in quotients) / len(quotients))
        return sum(map(math.exp, quotients)) / len(quotients)

    def _compute(self, requests: Sequence[_Request]) -> None:
        """Fill the memory, each request once, alike lengths together."""
        new = [one for one in dict.fromkeys(requests) if one not in self._known]
        self.notes["reused"] += len(requests) - len(new)
        for way, speech in self._ways.items():
            self._ask(speech, [request for request in new if request.way == way])

    def _ask(self, speech: Codec, requests: Sequence[_Request]) -> None:
        prefix, room = list(speech.frame.prefix), self._positions - 1  # the end of the target
        sources = speech.encode([one.given for one in requests], self._positions)
        texts = [speech.normaliser.before(one.wanted) for one in requests]
        targets = [prefix + pieces for pieces in self._wanted.encode(texts)]
        fits: list[int] = []
        for place, one in enumerate(requests):
            self._known[one] = None
            blank = not one.given.strip() or len(targets[place]) == len(prefix)
            too_long = sources[place][1] or len(targets[place]) > room
            self.notes["too_long"] += too_long
            self.notes["unknown"] += not self._pieces.issuperset(targets[place])
            if not blank and not too_long:
                fits.append(place)
        self.notes["computed"] += len(fits)
        fits.sort(key=lambda place: (-len(targets[place]), -len(sources[place][0])))
        pending: list[tuple[int, _Pending]] = []
        for batch in _batches([len(targets[place]) for place in fits]):
            places = fits[batch]
            asked = cast("_Engine", engine(self._key)).score_batch(
                [sources[place][0] for place in places],
                [targets[place] for place in places],
                offset=len(prefix),
                max_input_length=0,  # too long is known before; here it would be cut in silence
                asynchronous=True,
            )
            pending += zip(places, asked, strict=True)
        for place, answer in pending:
            logs = answer.result().log_probs
            self._known[requests[place]] = sum(logs) / len(logs)


def _batches(lengths: Sequence[int]) -> list[slice]:
    """Cut falling lengths into batches of at most BATCH_TOKENS padded tokens."""
    out, start = [], 0
    while start < len(lengths):
        size = max(1, BATCH_TOKENS // (lengths[start] + 1))
        out.append(slice(start, start + size))
        start += size
    return out


def open_likelihood(
    model: Path,
    source: str,
    target: str,
    *,
    normalised: bool,
    join: Join,
    compute_type: str,
    device: str,
) -> Likelihood:
    """The measure between two languages (ISO 639-3) that a CTranslate2 model allows.

    Raises:
        RecipeError: the model translates in neither direction.
    """
    said = describe(model)
    one, other = resolve(source), resolve(target)
    pairs: dict[Way, tuple[Language, Language]] = {
        "forward": (one, other),
        "backward": (other, one),
        "source": (one, one),
        "target": (other, other),
    }
    found = {way: _codec(model, said, *pair) for way, pair in pairs.items()}
    ways = {way: speech for way, speech in found.items() if speech is not None}
    if not _DIVISOR.keys() & ways.keys():
        raise RecipeError(
            f"Model must translate between {one.id} and {other.id} to score candidates, was: "
            f"{model.name}; it translates {said.pairs(20)}"
        )
    workers = usable_cores() if device == "cpu" else 1
    key = EngineKey(model, device, compute_type, workers, 1)
    return Likelihood(key, ways, _wanted(model, said), normalised=normalised, join=join)


def _codec(model: Path, said: Description, source: Language, target: Language) -> Codec | None:
    """The codec of a direction, None if the model has not got it.

    A language into itself is a direction of the many-to-many families; our own models know only
    the target's token, and read either language with the same pieces.
    """
    if said.covers(source, target):
        return codec(model, source, target)
    shared = said.tokenizer.target in {None, said.tokenizer.source}
    if source == target and said.family == "xltpipe" and shared:
        other = next((a for a, b in said.directions if b == target.id), None)
        return codec(model, resolve(other), target) if other else None
    return None


def _wanted(model: Path, said: Description) -> Tokeniser:
    """The pieces of the target side; the codec cuts only what the model reads."""
    file = model / (said.tokenizer.target or said.tokenizer.source)
    return HuggingFace(file) if said.tokenizer.kind == "hf" else SentencePiece(file, file)

"""The records that walk through the house: Span, Example, Unit and what hangs on them.

Offsets are half-open and count Unicode code points of the raw text; tokens are views on it.
"""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass, field

from xltpipe.errors import DataError

Bounds = tuple[int, int]
"""Half-open (start, end) in code points."""


@dataclass(frozen=True, slots=True)
class Span:
    """A labelled stretch `texts[text][start:end]` of an example; never empty."""

    start: int
    end: int
    label: str
    text: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end or self.text < 0:
            raise DataError(
                f"Span must satisfy 0 <= start < end and text >= 0, was: start={self.start}, "
                f"end={self.end}, text={self.text}, label={self.label!r}"
            )


@dataclass(frozen=True, slots=True)
class Link:
    """A labelled relation between two spans of an example, by their places in `spans`.

    Of an event: from its trigger (`head`) to an argument (`tail`), labelled with the role.
    """

    head: int
    tail: int
    label: str


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled item: one text (names, topics), two (sentence pairs, question and context), or
    more (question and options, the turns of a dialogue), in an order that is kept.

    Spans may overlap and nest. `tokens` are the word bounds of `texts[0]` as the data gave
    them, empty where it gave none. `masked` are the numbers of texts that lost a span: nobody
    knows where it would be, so their words outside spans are not to be learnt as unlabelled.
    `links` join spans. `meta` is what the data says besides, a JSON object as its text stood
    there; nothing looks into it, and it is neither translated nor changed. `verbatim` are the
    numbers of texts that are not translated either: code, a system's turn, a reference.
    """

    id: str
    lang: str
    texts: tuple[str, ...]
    spans: tuple[Span, ...] = ()
    label: str | None = None
    tokens: tuple[Bounds, ...] = ()
    masked: tuple[int, ...] = ()
    links: tuple[Link, ...] = ()
    meta: str | None = None
    verbatim: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for link in self.links:
            if not (0 <= link.head < len(self.spans) and 0 <= link.tail < len(self.spans)):
                raise DataError(
                    f"Link must join two spans of its example, was: {link} among "
                    f"{len(self.spans)} spans (example {self.id!r})"
                )
        for span in self.spans:
            if span.text >= len(self.texts) or span.end > len(self.texts[span.text]):
                size = len(self.texts[span.text]) if span.text < len(self.texts) else None
                raise DataError(
                    f"Span must lie inside its text, was: {span} in text of {size} characters "
                    f"(example {self.id!r})"
                )

    def covered(self, span: Span) -> str:
        """The text under a span of this example."""
        return self.texts[span.text][span.start : span.end]


@dataclass(frozen=True, slots=True)
class Leg:
    """What the first of two engines made of a text on its way through a language between."""

    lang: str
    text: str
    score: float | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Translation:
    """What an engine gave back for one text.

    `score` is the mean log-probability per target token (None where the engine has none),
    `tokens_in`/`tokens_out` count the engine's own tokens, and `truncated` says that the
    input or the output met a length limit: the text is then not whole. `fault` says why a text
    could not be translated at all (refused, too long, the engine died on it); it begins with a
    snake_case word, and the text is then empty.

    In a chain, `engine` names the one that gave the text (None: there is only one), and
    `passed_over` says why others were not taken, `"name: reason"` each; where none was without
    fault, the best is kept and its own reason stands there too. `via` is the text in the language
    between, where there was one: tokens are then those of both legs.
    """

    text: str
    score: float | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    truncated: bool = False
    fault: str | None = None
    engine: str | None = None
    passed_over: tuple[str, ...] = ()
    via: Leg | None = None

    def __post_init__(self) -> None:
        if self.fault is not None and (self.text or not self.fault.strip()):
            raise DataError(
                "Translation with a fault must have a reason and no text, was: "
                f"{self.fault!r} with {self.text[:60]!r}"
            )


@dataclass(frozen=True, slots=True)
class Placement:
    """How one source span was carried over: `target` is None and `reason` set where it was lost.

    `source` and `target` are indices into the spans of the unit's source and target example;
    `method` names the projector, `score` is its confidence in 0..1 where it has one, `rank` is
    its place in a chain of methods (0: the first, or the only one), and `margin` is how far the
    score is ahead of the second-best place's, 0..1, where the method compares places.
    """

    source: int
    target: int | None
    method: str
    score: float | None = None
    reason: str | None = None
    rank: int = 0
    margin: float | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """A source example and its target-language counterpart, and how the one became the other.

    `sent` are the strings given to the engine, `received` what came back, one per text.
    `placements` has one entry per source span, same order, once projection has run.
    `reasons` lists every rule that rejected the unit, `error` is set where a component failed
    on it (it is then quarantined).
    """

    source: Example
    target: Example
    sent: tuple[str, ...] = ()
    received: tuple[Translation, ...] = ()
    placements: tuple[Placement, ...] = ()
    reasons: tuple[str, ...] = ()
    error: str | None = None

    @property
    def reason(self) -> str | None:
        """The first reason for rejection; None means kept (or quarantined, see `error`)."""
        return self.reasons[0] if self.reasons else None

    @property
    def kept(self) -> bool:
        return not self.reasons and self.error is None


@dataclass(frozen=True, slots=True)
class Words:
    """A text cut into words: `bounds` are half-open, ascending and do not overlap."""

    text: str
    bounds: tuple[Bounds, ...]

    def __len__(self) -> int:
        return len(self.bounds)

    @property
    def strings(self) -> list[str]:
        return [self.text[start:end] for start, end in self.bounds]


@dataclass(frozen=True, slots=True)
class Alignment:
    """Links (source word, target word), ascending and distinct; `scores` in 0..1, one per link."""

    links: tuple[tuple[int, int], ...]
    scores: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """A number that never travels without its signature (Post, 2018)."""

    name: str
    value: float
    signature: str
    details: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.signature} = {self.value:.4f}"


def one_each(what: str, given: int, got: Sized) -> None:
    """Check the one contract of all components: one result per input, same order.

    Raises:
        DataError: the number of results differs from the number of inputs.
    """
    if len(got) != given:
        raise DataError(f"{what} must give one result per input, was: {len(got)} for {given}")

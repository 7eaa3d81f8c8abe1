"""Event reading: examples with events as tags to learn, and as pairs of trigger and argument.

A trigger is tagged `T:` and its type, an argument `A:` and its role. Tags are flat and an argument
has one, so not all that the data says can be learnt; what cannot is counted.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from xltpipe.errors import DataError
from xltpipe.schemes import Scheme, spans_from_tags
from xltpipe.training.sentences import Reading, Sentence, word_bounds
from xltpipe.types import Bounds, Example, Link, Span

TRIGGER = "T:"
ROLE = "A:"
UNKNOWN = "argument"
"""The label of an argument of unknown kind (`datasets.events.ARGUMENT`); never a trigger's."""

_LINKS = (
    "links learnt_links trigger_tails other_roles links_between_texts headless_links masked_links "
    "dropped_links"
)


@dataclass(frozen=True, slots=True)
class Linked:
    """A sentence to learn from: the spans that its tags say, ascending, and who is joined.

    `joined` are pairs (trigger, argument) and `unsure` pairs that are joined in another role than
    the argument's tag says; both by places in `spans`.
    """

    sentence: Sentence
    spans: tuple[Span, ...]
    joined: frozenset[tuple[int, int]] = frozenset()
    unsure: frozenset[tuple[int, int]] = frozenset()


class EventReading:
    """Tells triggers from arguments over the whole of the training data, and reads sentences.

    Triggers are the spans of the given labels. Where none are given: spans from which a link goes
    out; and those that no link touches, but where their label is `argument`, or that of spans to
    which links lead and never of one from which a link goes out (entities without a role).

    `counts` beside those of `Reading`: every link is one of `learnt_links`; `trigger_tails`, whose
    argument is itself a trigger, and is tagged as that; `other_roles` of an argument that has
    several (tagged is the one most frequent in the data); `links_between_texts`; `headless_links`
    from what is no trigger; `masked_links` in masked texts; `dropped_links` of dropped spans.
    `untagged_spans` of texts that are not masked are neither triggers nor arguments by a link that
    could be learnt.
    """

    def __init__(
        self, examples: Sequence[Example], scheme: Scheme, triggers: Sequence[str] | None
    ) -> None:
        self._examples = examples
        self._scheme: Scheme = scheme
        self._triggers = None if triggers is None else frozenset(triggers)
        heads = {e.spans[link.head].label for e in examples for link in e.links}
        tails = {e.spans[link.tail].label for e in examples for link in e.links}
        self._entities = (tails | {UNKNOWN}) - heads
        self._roles = Counter(link.label for e in examples for link in e.links)
        self._reading = Reading(scheme)
        self._links = dict.fromkeys([*_LINKS.split(), "untagged_spans"], 0)
        self._labels: dict[str, Counter[str]] = {}

    @property
    def counts(self) -> dict[str, int]:
        """What was seen, and what was left out."""
        return self._reading.counts | self._links

    def names(self, prefix: str) -> list[str]:
        """The types (`TRIGGER`) or roles (`ROLE`) that were learnt."""
        tags = sorted(self._reading.labels)
        return [tag.removeprefix(prefix) for tag in tags if tag.startswith(prefix)]

    def labels(self) -> dict[str, str]:
        """For each role the most frequent label of its arguments, the first by name if equal."""
        return {role: _first(found) for role, found in sorted(self._labels.items())}

    def sentences(self) -> Iterator[Linked]:
        """One for each text that has a word and is not masked."""
        for example in self._examples:
            yield from self._read(example)

    def check(self) -> None:
        """Check that there was something to learn.

        Raises:
            DataError: no sentence, or no trigger on any word.
        """
        spans = sum(len(example.spans) for example in self._examples)
        if spans and self._reading.counts["sentences"] and not self.names(TRIGGER):
            raise DataError(
                f"Training data must hold at least one trigger, was: none among {spans} spans; "
                "links must go from triggers to arguments, or `triggers` of the trainer must name "
                "the labels of triggers"
            )
        self._reading.check()

    def _read(self, example: Example) -> Iterator[Linked]:
        triggers = self._of(example)
        possible = [link for link in example.links if self._possible(example, link, triggers)]
        roles: dict[int, Counter[str]] = {}
        for link in possible:
            roles.setdefault(link.tail, Counter())[link.label] = self._roles[link.label]
        named = {n: f"{TRIGGER}{example.spans[n].label}" for n in triggers}
        named |= {n: f"{ROLE}{_first(found)}" for n, found in roles.items()}
        self._links["untagged_spans"] += sum(
            n not in named and span.text not in example.masked
            for n, span in enumerate(example.spans)
        )
        # triggers first: of a trigger and an argument of the same bounds the trigger is kept
        spans = tuple(replace(example.spans[n], label=tag) for n, tag in named.items())
        tagged = replace(example, spans=spans, links=())
        read = [n for n in range(len(example.texts)) if n not in example.masked]
        read = [n for n in read if word_bounds(example, n)]
        found = list(self._reading.sentences([tagged]))
        for index, sentence in zip(read, found, strict=True):
            yield self._join(example, index, sentence, named, possible)
        self._links["dropped_links"] += sum(
            not word_bounds(example, example.spans[link.tail].text) for link in possible
        )

    def _of(self, example: Example) -> list[int]:
        """The places of the triggers."""
        heads = {link.head for link in example.links}
        ends = heads | {link.tail for link in example.links}
        if self._triggers is not None:
            return [n for n, s in enumerate(example.spans) if s.label in self._triggers]
        return [
            n
            for n, span in enumerate(example.spans)
            if n in heads or (n not in ends and span.label not in self._entities)
        ]

    def _possible(self, example: Example, link: Link, triggers: Sequence[int]) -> bool:
        head, tail = example.spans[link.head], example.spans[link.tail]
        self._links["links"] += 1
        faults = {
            "headless_links": link.head not in triggers,
            "trigger_tails": link.tail in triggers,
            "links_between_texts": head.text != tail.text,
            "masked_links": tail.text in example.masked,
        }
        why = next((name for name, holds in faults.items() if holds), None)
        if why is not None:
            self._links[why] += 1
        return why is None

    def _join(
        self,
        example: Example,
        index: int,
        sentence: Sentence,
        named: dict[int, str],
        links: Sequence[Link],
    ) -> Linked:
        spans = tuple(spans_from_tags(sentence.tags, sentence.bounds, self._scheme)[0])
        places: dict[Span | None, int] = {span: n for n, span in enumerate(spans)}
        at = {
            n: places.get(_widened(example.spans[n], tag, sentence.bounds))
            for n, tag in named.items()
            if example.spans[n].text == index
        }
        for n, place in at.items():
            if place is not None and named[n].startswith(ROLE):
                role = named[n].removeprefix(ROLE)
                self._labels.setdefault(role, Counter())[example.spans[n].label] += 1
        joined, unsure = set(), set()
        for link in (link for link in links if link.head in at):
            head, tail = at[link.head], at[link.tail]
            if head is None or tail is None:
                self._links["dropped_links"] += 1
            elif spans[tail].label == f"{ROLE}{link.label}":
                self._links["learnt_links"] += 1
                joined.add((head, tail))
            else:
                self._links["other_roles"] += 1
                unsure.add((head, tail))
        return Linked(sentence, spans, frozenset(joined), frozenset(unsure - joined))


def _first(found: Counter[str]) -> str:
    """The most frequent, the first by name among equals."""
    return min(found, key=lambda name: (-found[name], name))


def _widened(span: Span, tag: str, bounds: Sequence[Bounds]) -> Span | None:
    """The span as tags say it: on whole words, of text 0; None where it is on none."""
    first = bisect_right([end for _, end in bounds], span.start)
    last = bisect_left([start for start, _ in bounds], span.end)
    return Span(bounds[first][0], bounds[last - 1][1], tag) if first < last else None

"""Events: triggers and their arguments as spans, joined by links that bear the role.

Read is the common shape of preprocessed ACE (Lin et al., 2020, OneIE): `tokens` or a text,
`event_mentions` with `event_type`, `trigger` and `arguments`, and, where arguments name them by
`entity_id`, `entity_mentions`. Offsets are half-open and count tokens where there are tokens, else
code points of the text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from xltpipe.datasets.raw import place_tokens
from xltpipe.datasets.records import Record, RecordSource, items_at, named, text_at, without
from xltpipe.errors import DataError
from xltpipe.json_text import shown
from xltpipe.types import Bounds, Example, Link, Span

ARGUMENT = "argument"
"""The label of an argument whose kind of entity the data does not tell."""

_TEXTS = ("text", "sentence")
_SPACE = 64  # characters of white space that a mention's text may lack


class Events(RecordSource):
    """Sentences with events as JSON objects, a line each.

    A trigger is a span with its event's type, an argument one with its entity's type (else
    `argument`), and a link from the one to the other bears the role. Spans of equal bounds and
    label are one. All fields but text and tokens go into `meta`, offsets of the source with them.
    """

    kind: Literal["events"] = "events"
    entities: bool = False
    """Make spans also of entities that play no part in an event."""

    def example(self, record: Record, line: str, id: str, lang: str) -> Example:
        made = _Made(*_text(record))
        entities = {
            _key(one.get("id")): made.span(one, f"entity_mentions[{k}]", _type(one, ARGUMENT))
            for k, one in _objects(record, "entity_mentions")
        }
        for k, event in _objects(record, "event_mentions"):
            made.event(event, f"event_mentions[{k}]", entities)
        if self.entities:
            for span in entities.values():
                made.place(span)
        return Example(
            id,
            lang,
            (made.text,),
            tuple(made.spans),
            tokens=made.tokens,
            links=tuple(dict.fromkeys(made.links)),
            meta=without(line, {*_TEXTS, "tokens"}),
        )


def _key(id: object) -> str:
    """What an entity is known by; nothing is known by ""."""
    return str(id) if isinstance(id, str | int) else ""


def _text(record: Record) -> tuple[str, tuple[Bounds, ...]]:
    """The text, and the bounds of its tokens if the data gives some."""
    name = next((name for name in _TEXTS if name in record), None)
    raw = None if name is None else text_at(record, name)
    if not record.get("tokens"):
        if raw is None:
            raise DataError(f"Record must have tokens, text or sentence, was: {named(record)}")
        return raw, ()
    tokens = [str(one) for one in items_at(record, "tokens") if isinstance(one, str) and one]
    if len(tokens) != len(items_at(record, "tokens")):
        raise DataError("tokens must hold strings that are not empty, was: something else")
    text, bounds = place_tokens(tokens, raw)
    return text, tuple(bounds)


def _objects(record: Record, name: str) -> list[tuple[int, Record]]:
    found = items_at(record, name) if record.get(name) is not None else []
    for k, one in enumerate(found):
        if not isinstance(one, dict):
            raise DataError(f"{name}[{k}] must be a JSON object, was: {shown(one)}")
    return [(k, one) for k, one in enumerate(found) if isinstance(one, dict)]


def _type(entity: Record, default: str) -> str:
    value = next((entity[n] for n in ("entity_type", "type") if entity.get(n) is not None), default)
    if not isinstance(value, str):
        raise DataError(f"entity_type must be a string, was: {shown(value)}")
    return value


@dataclass(slots=True)
class _Made:
    """The spans and links of one text, as they are found."""

    text: str
    tokens: tuple[Bounds, ...]
    spans: dict[Span, int] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)

    def event(self, event: Record, where: str, entities: dict[str, Span]) -> None:
        kind, trigger = event.get("event_type"), event.get("trigger")
        if not isinstance(kind, str) or not isinstance(trigger, dict):
            raise DataError(f"{where} must have event_type and trigger, was: {named(event)}")
        head = self.place(self.span(trigger, f"{where}.trigger", kind))
        for k, argument in _objects(event, "arguments"):
            at = f"{where}.arguments[{k}]"
            role = argument.get("role")
            if not isinstance(role, str):
                raise DataError(f"{at}.role must be a string, was: {shown(role)}")
            if "start" in argument:
                span = self.span(argument, at, _type(argument, ARGUMENT))
            elif _key(argument.get("entity_id")) in entities:
                span = entities[_key(argument.get("entity_id"))]
            else:
                raise DataError(
                    f"{at} must have start and end, or the entity_id of one of entity_mentions, "
                    f"was: {shown(dict(argument))}"
                )
            self.links.append(Link(head, self.place(span), role))

    def place(self, span: Span) -> int:
        """The number of a span, which is added if it is new."""
        return self.spans.setdefault(span, len(self.spans))

    def span(self, mention: Record, where: str, label: str) -> Span:
        start, end = mention.get("start"), mention.get("end")
        most = len(self.tokens) if self.tokens else len(self.text)
        if type(start) is not int or type(end) is not int or not 0 <= start < end <= most:
            unit = "tokens" if self.tokens else "code points"
            raise DataError(
                f"{where} must satisfy 0 <= start < end <= {most}, in {unit}, was: "
                f"start={shown(start)}, end={shown(end)}"
            )
        if self.tokens:
            start, end = self.tokens[start][0], self.tokens[end - 1][1]
        text = mention.get("text")
        if isinstance(text, str) and not _same(text, self.text[start:end]):
            raise DataError(
                f"{where}.text must be what stands at its offsets, was: {text[:80]!r}, where "
                f"{self.text[start:end][:80]!r} stands"
            )
        return Span(start, end, label)


def _same(told: str, covered: str) -> bool:
    """But for white space: tokens are joined in more ways than one."""
    if len(covered) > 2 * len(told) + _SPACE:  # not looked at: a mention is not so long in vain
        return False
    return "".join(told.split()) == "".join(covered.split())

"""Toy data for each kind of task, in several scripts. Written for the tests."""

from __future__ import annotations

from itertools import product

from tests.training.toy import toy
from tests.training.toy_dialogues import dialogues, translations
from xltpipe.kinds import Task
from xltpipe.types import Example, Link, Span

_TOPICS = {
    "sport": [
        "The team won the match",
        "Timu ilishinda mechi",
        "فاز الفريق في المباراة",
        "球队赢得比赛",
    ],
    "health": [
        "The doctor saw a patient",
        "Daktari alimwona mgonjwa",
        "رأى الطبيب المريض",
        "医生看病人",
    ],
}
_ENDS = ["today", "yesterday", "leo", "جدا", "了", "again and again"]


def topics() -> list[Example]:
    """Two topics in four languages, told by their words."""
    return [
        Example(f"{label}-{i}-{end}", "mul", (f"{text} {end}.",), label=label)
        for label, texts in _TOPICS.items()
        for (i, text), end in product(enumerate(texts), _ENDS)
    ]


def pairs() -> list[Example]:
    """Two sentences: the same but for a negation, an order of words, or all of it."""
    people, acts = (
        ["A man", "The girl", "Juma", "سلمى"],
        ["sings", "runs fast", "eats rice", "يقرأ"],
    )
    out = []
    for person, act in product(people, acts):
        text, other = f"{person} {act}", f"Nobody {act}"
        far = f"The {acts[acts.index(act) - 1]} river flows"
        texts = ((f"{text} now", text, "yes"), (text, other, "no"), (text, far, "maybe"))
        out += [
            Example(f"{person}-{act}-{label}", "mul", (one, two), label=label)
            for one, two, label in texts
        ]
    return out


def questions() -> list[Example]:
    """Who lives in a place, and where somebody lives."""
    out = []
    people, places = ["Amina", "Bello", "Joseph", "Grace"], ["Kano", "Lagos", "Abuja"]
    for (i, person), place in product(enumerate(people), places):
        other = people[i - 1]
        context = f"It rained for 3 days. {person} lives in {place} now. The dog of {other} slept."
        for ask, name in (
            (f"Who lives in {place}?", person),
            (f"Where does {person} live?", place),
        ):
            at = context.index(name)
            span = Span(at, at + len(name), "answer", 1)
            out.append(Example(f"{person}-{place}-{ask[:3]}", "eng", (ask, context), (span,)))
    return out


def choices() -> list[Example]:
    """The option that has the question's noun is right; numbers of options differ."""
    things = ["cat", "house", "river", "book", "mti", "قلم"]
    out = []
    for i, thing in enumerate(things):
        wrong = [f"it is the {things[i - n]}" for n in range(1, 3 + i % 2)]
        for place in range(len(wrong) + 1):
            options = [*wrong[:place], f"it is the {thing}", *wrong[place:]]
            texts = (f"Which of them is the {thing}?", *options)
            out.append(Example(f"{thing}-{place}", "mul", texts, label=str(place)))
    return out


# name in the text: (text, label, role in each event by the event's number)
_Part = tuple[str, str, dict[int, str]]


def event(text: str, triggers: list[tuple[str, str]], parts: dict[str, _Part]) -> Example:
    """A text with names filled in, its triggers (word, type) and their arguments."""
    filled = text.format(**{name: part[0] for name, part in parts.items()})
    spans = [Span(filled.index(w), filled.index(w) + len(w), kind) for w, kind in triggers]
    links = []
    for name, (word, label, roles) in parts.items():
        before = text.partition("{" + name + "}")[0]
        start = len(before.format(**{n: p[0] for n, p in parts.items()}))
        links += [Link(head, len(spans), role) for head, role in roles.items()]
        spans.append(Span(start, start + len(word), label))
    return Example(filled, "mul", (filled,), tuple(spans), links=tuple(links))


def events() -> list[Example]:
    """Attacks and meetings, one or two a sentence; weapons stand far from their attack."""
    people, places = ["Amina", "Bello", "Joseph", "Grace", "سلمى"], ["Kano", "Lagos", "Dodoma"]
    attack, meet = ("attacked", "Attack"), ("met", "Meet")
    shambulio, kutana = ("alishambulia", "Attack"), ("alikutana", "Meet")
    out = []
    for (i, one), place in product(enumerate(people), places):
        arm = ["rockets", "knives", "stones"][(i + places.index(place)) % 3]
        agent: _Part = (one, "PER", {0: "Agent"})
        target: _Part = (place, "LOC", {0: "Target"})
        weapon: _Part = (arm, "argument", {0: "Weapon"})
        person, other = people[i - 1], people[i - 2]
        alone = {"a": agent, "t": target, "w": weapon}
        pair: dict[str, _Part] = {
            "a": (one, "PER", {0: "Person"}),
            "b": (person, "PER", {0: "Person"}),
            "p": (place, "LOC", {0: "Place"}),
        }
        late: dict[str, _Part] = {
            "b": (person, "PER", {1: "Person"}),
            "c": (other, "PER", {1: "Person"}),
            "p": ("Accra", "LOC", {0: "Place", 1: "Place"}),
        }
        out += [
            event("{a} attacked {t} with {w} .", [attack], alone),
            event("{a} alishambulia {t} kwa {w} .", [shambulio], alone),
            event("{a} met {b} in {p} .", [meet], pair),
            event("{a} alikutana na {b} huko {p} .", [kutana], pair),
            event(
                "{a} attacked {t} and {b} met {c} with {w} .",
                [attack, meet],
                {**alone, "b": late["b"], "c": late["c"]},
            ),
            event(
                "In {p} {a} attacked {t} and {b} met {c} .",
                [attack, meet],
                {"a": agent, "t": target, **late},
            ),
        ]
    return out


TOYS: dict[Task, list[Example]] = {
    "spans": toy(),
    "classification": topics(),
    "pairs": pairs(),
    "qa": questions(),
    "choice": choices(),
    "events": events(),
    "instructions": dialogues(),
    "parallel": translations(),
}

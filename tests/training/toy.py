"""Toy: sentences in four scripts in which names stand in set phrases. Written for the tests."""

from __future__ import annotations

from xltpipe.types import Example, Span

_PHRASES = [
    ("{} lives in {} .", "eng", ["Amina", "Bello", "Joseph", "Grace", "Musa"], ["Kano", "Lagos"]),
    ("{} anaishi {} .", "swa", ["Juma", "Neema", "Baraka", "Asha"], ["Mombasa", "Dodoma"]),
    ("{} يسكن في {} .", "arb", ["سلمى", "يوسف", "مريم", "عمر"], ["القاهرة", "تونس"]),
    ("{} {} में रहती है ।", "hin", ["मीरा", "आशा", "सीता"], ["मुंबई", "दिल्ली"]),
]


def toy() -> list[Example]:
    """All pairs of a person and a place in every phrase."""
    return [
        phrase(text, lang, person, place)
        for text, lang, people, places in _PHRASES
        for person in people
        for place in places
    ]


def phrase(text: str, lang: str, person: str, place: str) -> Example:
    """A phrase with its two names filled in and labelled."""
    filled = text.format(person, place)
    spans = []
    for name, label in ((person, "PER"), (place, "LOC")):
        start = filled.index(name)
        spans.append(Span(start, start + len(name), label))
    return Example(f"{lang}-{person}-{place}", lang, (filled,), tuple(spans))


def questions() -> list[Example]:
    """Who lives where, in two languages with the same ids; every fifth has no answer."""
    asked = {
        "eng": ("Who lives in {} ?", "{} lives in {} ."),
        "swa": ("Nani anaishi {} ?", "{} anaishi {} ."),
    }
    out = []
    for lang, (question, text) in asked.items():
        for number, person in enumerate(["Amina", "Bello", "Joseph", "Grace", "Musa"]):
            for place, other in (("Kano", "Lagos"), ("Lagos", "Kano")):
                context = f"{text.format('Juma', other)} {text.format(person, place)}"
                start = context.index(person)
                answer = Span(start, start + len(person), "answer", 1)
                texts = (question.format(place), context)
                spans = () if number == 4 else (answer,)
                if number == 4:
                    texts = (question.format("Mombasa"), context)
                out.append(Example(f"{person}-{place}", lang, texts, spans))
    return out

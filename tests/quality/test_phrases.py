"""Phrases of language models, in their languages."""

from __future__ import annotations

import pytest

from tests.quality.text_units import pair, scores, several
from xltpipe.phrases import lists
from xltpipe.quality.batch import Batch
from xltpipe.quality.phrases import Phrases

PHRASES = [
    (kind, place, phrase.removesuffix("*"))
    for kind, places in lists().items()
    for place, several_ in places.items()
    for phrase in several_
    if place != "excuses"
]


@pytest.mark.parametrize(
    ("source", "target", "refusal", "preamble"),
    [
        ("El gato duerme.", "The cat is asleep.", 0, 0),
        ("El gato duerme.", "I'm sorry, but I can't help with that.", 2, 0),
        ("El gato duerme.", "I’m sorry, but I cannot translate this.", 2, 0),
        ("Lo siento, pero no puedo ir.", "I'm sorry, but I can't come.", 0, 0),
        ("He left.", "Lo siento, pero no puedo traducir este texto.", 2, 0),
        ("El gato duerme.", "As an AI, I sleep not.", 1, 0),
        ("El gato duerme.", "It was such an airy room, as an aim goes.", 0, 0),
        ("He left.", "作为一个人工智能，我不能翻译。", 1, 0),
        ("He left.", "抱歉，我无法翻译。", 1, 0),
        ("He left.", "申し訳ありませんが、翻訳できません。", 2, 0),
        ("He left.", "عذرًا، لا يمكنني ترجمة هذا.", 1, 0),
        ("He left.", "मुझे खेद है, लेकिन मैं नहीं कर सकता।", 1, 0),
        ("El gato duerme.", "Here is the translation: The cat sleeps.", 0, 1),
        ("El gato duerme.", "**Translation:** The cat sleeps.", 0, 1),
        ("He left.", "Traducción: Se fue.", 0, 1),
        ("He left.", "翻译：他走了。", 0, 1),
        ("He left.", "以下是翻译：他走了。", 0, 1),
        ("Note: he left.", "Nota: se fue.", 0, 0),
        ("He left.", "Nota: se fue.", 0, 1),
        ("He left.", "La nota: se fue.", 0, 0),
        ("He left.", "```\nSe fue.\n```", 0, 1),
        ("He left.", "Se fue.\n\nNote: literal.", 0, 2),
        ("He left.", "<think>hm</think> Se fue.", 0, 2),
        ("`a` < b", "`a` < b", 0, 0),
        # what people say and write
        ("Sorry, I can't go.", "对不起，我不能去。", 0, 0),
        ("I'm sorry, but the store is closed.", "申し訳ありませんが、閉店しております。", 0, 0),
        ("I'm sorry, but I can swim.", "Es tut mir leid, aber ich kann schwimmen.", 0, 0),
        ("Unfortunately, I cannot come.", "К сожалению, я не могу прийти.", 0, 0),
        ("Sorry, we are closed.", "As an AI, I cannot translate this.", 2, 0),
        ("Caution: wet floor", "注意：地面湿滑", 0, 0),
        ("Hint: look closer.", "Hinweis: Schauen Sie genauer hin.", 0, 0),
        ("Remember: water is life.", "Kumbuka: maji ni uhai.", 0, 0),
        ("Come at 3:30.", "Nota: Ven a las 3:30.", 0, 1),
        ("He said: come.", "Nota: Dijo: ven.", 0, 1),
        ("He said: come.", "Traducción: Dijo que vengas.", 0, 1),
    ],
)
def test_phrases(source: str, target: str, refusal: int, preamble: int) -> None:
    assert scores(Phrases(), pair(source, target)) == {"refusal": [refusal], "preamble": [preamble]}


@pytest.mark.parametrize(("kind", "place", "phrase"), PHRASES)
def test_every_phrase_is_found(kind: str, place: str, phrase: str) -> None:
    begins = place in ("start", "headings")
    text = f"{phrase.capitalize()} ..." if begins else f"X. {phrase} ..."
    assert scores(Phrases(), pair("x", text))[kind][0] >= 1


def test_each_text_has_a_start() -> None:
    found = scores(Phrases(), several(("a", "b"), ("uno", "Nota: dos")))
    assert found == {"refusal": [0], "preamble": [1]}


def test_the_file_names_known_kinds() -> None:
    assert {(kind, place) for kind, place, _ in PHRASES} == {
        ("refusal", "anywhere"),
        ("refusal", "spoken"),
        ("preamble", "start"),
        ("preamble", "headings"),
        ("preamble", "anywhere"),
    }
    assert all(phrase == phrase.lower() for _, _, phrase in PHRASES)
    assert Phrases().score(Batch.of([]))[0].tolist() == []

"""Long texts: cut at sentences, never inside a mark, translated whole, joined as they were."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xltpipe import progress
from xltpipe.languages import resolve
from xltpipe.protocols import Counting
from xltpipe.translation import CTranslate2, Fallback
from xltpipe.translation.long_texts import cut, join
from xltpipe.translation.sentences import inside, marked, sentences
from xltpipe.types import Translation

TABLE = [
    ("Dr. Smith lives in New York. He left at 3.30 p.m. and slept.", 2),
    ('She said: "Come here." He came.\nA new line', 3),
    ("¿Dónde vive? Vive en Madrid. Fin.", 3),
    ("我喜欢你。你呢？“好。”他说。", 4),
    ("東京は大きい。「はい。」と言った。", 2),
    ("यह अच्छा है। वह गया। क्या?", 3),
    ("كيف حالك؟ أنا بخير. شكرا.", 3),
    ("ሰላም ነው። እንዴት ነህ፧ ጥሩ።", 3),
    ("Բարեւ։ Ինչպե՞ս ես։", 2),
    ("နေကောင်းလား။ ကောင်းပါတယ်။", 2),
    ("Alimwona J. Kenyatta jana. Je, unaenda? Ndiyo! (Kesho.)", 4),
    ("Kaixo. Zer moduz? Ondo nago, 3.5 orduz.", 3),
    ("Mo fẹ́ràn rẹ. Ṣé o wà dáadáa?", 2),
    ("สวัสดีครับ ผมชื่อสมชาย", 1),
    ("I like 👩‍👩‍👧. You too? 😀", 3),
    ("", 0),
    (" \n\t ", 0),
    ("La Sra. May y EE. UU. hablaron. Sí.", 2),
    ("« Je pleure. » Elle part. Et M. Bone ?", 3),
    ("„Komm her.“ Am 17. Mai kam er. Nr. 5 lebt.", 3),
    ("Τι κάνεις; Καλά. Εσύ;", 2),
    ("Привет! Как дела? Хорошо… Да.", 4),
    ("کیا حال ہے؟ ٹھیک ہے۔ شکریہ۔", 3),
    ("안녕하세요. 저는 학생입니다.", 2),
    ("See example.com/a.html?x=1 now. OK!!! (Really?) Yes", 4),
    ("A. B. Smith, Ph.D., e.g. him. U.S. troops left.", 2),
]
MARKED = [
    "He met [A] Mr. Smith. And Mrs. Jones. [/A] in Rome. Then he left.",
    "He met <b>Mr. Smith. And Mrs. Jones.</b> in Rome. Then he left.",
    'He met <span id="1">A. B. Smith! Yes.</span> in Rome. Then he left.',
    "He met [A] Smith. [B] Jones. [/B] Or not. [/A] in Rome. Then he left.",
    "He met [A] Smith. [B] Jones. [/A] Or not. [/B] in Rome. Then he left.",
    "He met [ Mr. Smith. Sir. ] in Rome. Then he left.",
    "彼は[A] 田中。さん [/A]に会った。そして帰った。",
]


@pytest.mark.parametrize(("text", "count"), TABLE)
def test_sentences(text: str, count: int) -> None:
    found = sentences(text)
    assert len(found) == count, [text[a:b] for a, b in found]
    check_cover(text, found)


def check_cover(text: str, parts: Sequence[tuple[int, int]]) -> None:
    """In order, and nothing but white space lies outside."""
    at = 0
    for start, end in parts:
        assert at <= start < end
        assert not text[at:start].strip()
        assert text[start:end] == text[start:end].strip()
        at = end
    assert not text[at:].strip()


@pytest.mark.parametrize("text", MARKED)
def test_no_sentence_ends_inside_a_mark(text: str) -> None:
    found = sentences(text)
    assert len(found) == 2, [text[a:b] for a, b in found]
    check_cover(text, found)
    assert not any(inside(end, marked(text)) for _, end in found)


WORDS = [
    "Ana",
    "vive,",
    "en",
    "Roma.",
    "¿Qué?",
    "[A]",
    "[/A]",
    "北京。",
    "هنا؟",
    "गया।",
    "\n",
    "  ",
    "👩‍👩‍👧",
    "x; y",
    "<b>",
    "</b>",
    "J.",
    "3.5",
    "“a.”",
]


@settings(max_examples=60, deadline=None)
@given(
    text=st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join) | st.text(max_size=80),
    room=st.integers(3, 30),
)
def test_parts_fit_cover_the_text_and_join_to_it(text: str, room: int) -> None:
    fits = lambda some: [len(one) <= room for one in some]  # noqa: E731
    (parts,) = cut([text], fits)
    check_cover(text, parts)
    whole = marked(text)
    assert not any(inside(end, whole) for _, end in parts[:-1])
    same = [Translation(text[a:b], -1.0, 1, 2) for a, b in parts]
    joined = join(text, parts, same, resolve("zho"))  # no spaces are put in for it
    assert joined.text == text.strip()
    assert (joined.tokens_in, joined.tokens_out) == (len(parts), 2 * len(parts))


def test_a_sentence_that_is_too_long_is_cut_at_clauses_then_spaces_then_letters() -> None:
    def parts(text: str, room: int) -> list[str]:
        (found,) = cut([text], lambda some: [len(x) <= room for x in some])
        return [text[a:b] for a, b in found]

    assert parts("one two three, four five six", 20) == ["one two three,", "four five six"]
    assert parts("one two three four", 10) == ["one two", "three four"]
    assert parts("aaaaaaaa", 4) == ["aaaa", "aaaa"]
    assert parts("e\u0301" * 4, 5) == ["e\u0301" * 2] * 2  # a letter and its accent stay together
    assert parts("a [A] bbbbbbbbbbbb [/A] c", 10) == ["a", "[A] bbbbbbbbbbbb [/A]", "c"]


def test_a_space_is_put_between_where_the_target_has_them() -> None:
    text = "我喜欢你。你呢？"
    parts = sentences(text)
    done = [Translation("I like you."), Translation("And you?")]
    assert join(text, parts, done, resolve("eng")).text == "I like you. And you?"
    word = join("aaaabbbb", [(0, 4), (4, 8)], [Translation("x"), Translation("y")], resolve("eng"))
    assert word.text == "xy"


def test_scores_of_parts_are_weighed_by_their_tokens_and_a_fault_is_the_whole_texts() -> None:
    parts = [(0, 2), (3, 5)]
    done = [Translation("x", -1.0, 3, 1), Translation("y", -2.0, 4, 3, truncated=True)]
    assert join("a. b.", parts, done, resolve("eng")) == Translation("x y", -1.75, 7, 4, True)
    failed = join("a. b.", parts, [done[0], Translation("", fault="refused")], resolve("eng"))
    assert (failed.text, failed.fault) == ("", "refused")


LONG = "My mother works at the Red Cross. Where does Fatima live?\t\tI have a dog. " * 8


def translate(texts: list[str], spec: CTranslate2) -> list[Translation]:
    return spec.build("eng", "spa").translate(texts, "eng", "spa")


def test_a_long_text_is_translated_sentence_by_sentence() -> None:
    spec = CTranslate2(max_input_tokens=24)
    bounds = sentences(LONG)
    single = translate([LONG[a:b] for a, b in bounds], spec)
    translator = spec.build("eng", "spa")
    short, long = translator.translate(["I have a dog.", LONG], "eng", "spa")
    assert short.text == "Tengo un perro."
    assert long.text == join(LONG, bounds, single, resolve("spa")).text
    assert long.text.count("\t\t") == LONG.count("\t\t")
    assert not long.truncated
    assert long.tokens_out == sum(one.tokens_out for one in single)
    assert translator.counts == {"split": 1}
    assert any("sentence by sentence" in note for note in progress.notes)
    progress.notes.clear()
    assert translate([LONG], spec)[0].text == long.text  # alone or not


LIST = "My mother has:\n\n  - a dog.\r\n  - a cat, [A] which\nsleeps [/A] now\n"


def test_line_breaks_and_indents_stay_in_texts_of_any_length() -> None:
    translator = CTranslate2().build("eng", "spa")
    whole, other = translator.translate([LIST, "I have a dog.\n"], "eng", "spa")
    first, second, third = translator.translate(
        ["My mother has:", "- a dog.", "- a cat, [A] which\nsleeps [/A] now"], "eng", "spa"
    )
    assert whole.text == f"{first.text}\n\n  {second.text}\r\n  {third.text}"
    assert whole.text.count("[A]") == whole.text.count("[/A]") == 1
    assert whole.tokens_in == sum(one.tokens_in for one in (first, second, third))
    assert other.text == "Tengo un perro."
    assert translator.counts == {"by_lines": 1}
    ranked = translator.candidates([LIST], "eng", "spa", 2)[0]
    assert [one.text.count("\n") for one in ranked] == [3, 3]
    assert ranked[0].text == whole.text


def test_candidates_of_a_text_with_a_line_that_is_too_long_are_its_fault() -> None:
    translator = CTranslate2(max_input_tokens=24, long_texts="fault").build("eng", "spa")
    found = translator.candidates([f"I have a dog.\n{LONG}", "I have a dog."], "eng", "spa", 2)
    assert [len(one) for one in found] == [2, 2]
    assert all(str(one.fault).startswith("too_long: text of ") for one in found[0])
    assert all(one.fault is None for one in found[1])


def test_20000_characters_lose_nothing() -> None:
    (got,) = translate(["The cat sat on the mat. " * 834], CTranslate2())
    assert not got.truncated
    (one,) = translate(["The cat sat on the mat."], CTranslate2())
    assert got.text == " ".join([one.text] * 834)
    progress.notes.clear()


def test_marked_spans_of_a_long_text_stay_whole() -> None:
    text = "We saw it. " * 6 + "[A] Anna [/A] lives in [B] Berlin [/B]. " + "I have a dog. " * 6
    (got,) = translate([text], CTranslate2(max_input_tokens=24))
    assert all(got.text.count(mark) == 1 for mark in ("[A]", "[/A]", "[B]", "[/B]"))
    progress.notes.clear()


def test_a_mark_that_fits_nowhere_is_cut_and_says_so() -> None:
    text = f"I have a dog. [A] {'very ' * 40} old [/A]"
    (got,) = translate([text], CTranslate2(max_input_tokens=16))
    assert got.truncated
    progress.notes.clear()


def test_a_long_text_may_be_a_fault() -> None:
    spec = CTranslate2(max_input_tokens=24, long_texts="fault")
    short, long = translate(["I have a dog.", LONG], spec)
    assert short.fault is None
    assert long.text == ""
    assert long.fault is not None
    assert long.fault.startswith(f"too_long: text of {long.tokens_in} tokens, where max_input_tok")


def test_what_becomes_of_long_texts_is_part_of_the_experiment() -> None:
    ways = [CTranslate2(long_texts=way).identity() for way in ("split", "truncate", "fault")]
    assert ways[0] != ways[1] != ways[2] != ways[0]


def test_candidates_of_a_long_text_are_made_of_those_of_its_parts() -> None:
    spec = CTranslate2(max_input_tokens=24)
    translator = spec.build("eng", "spa")
    (long,) = translator.candidates([LONG], "eng", "spa", 3)
    bounds = sentences(LONG)
    parts = translator.candidates([LONG[a:b] for a, b in bounds], "eng", "spa", 3)
    expected = [join(LONG, bounds, [p[k] for p in parts], resolve("spa")).text for k in range(3)]
    assert [one.text for one in long] == expected
    progress.notes.clear()


def test_engines_in_company_are_counted_too() -> None:
    small = {"kind": "ctranslate2", "max_input_tokens": 24}
    chain = Fallback.model_validate({"engines": [small, {"kind": "copy"}]}).build("eng", "spa")
    chain.translate([LONG, "I have a dog."], "eng", "spa")
    assert isinstance(chain, Counting)
    assert chain.counts == {"split": 1}
    progress.notes.clear()

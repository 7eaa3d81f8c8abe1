"""Languages of both sides: sentences of many scripts, and what identifiers cannot read."""

from __future__ import annotations

import time
from dataclasses import replace
from math import isnan
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from tests.examples import example
from tests.quality.judging import value
from xltpipe import tables
from xltpipe.errors import MissingExtraError, RecipeError
from xltpipe.quality.batch import Batch
from xltpipe.quality.language import Kind, Languages, LanguageScorer
from xltpipe.quality.language_opinion import UNSURE, kin, named
from xltpipe.quality.language_py3langid import Py3LangId
from xltpipe.quality.language_text import letters, outside_spans
from xltpipe.types import Example, Span, Unit

DEFAULT = Languages().build()
ALONE: dict[Kind, LanguageScorer] = {
    kind: Languages(identifiers=(kind,)).build() for kind in ("cld2", "py3langid")
}


def pair(
    source: str, target: str, source_lang: str = "eng", target_lang: str = "spa", *names: str
) -> Unit:
    """A unit whose `names` are spans on both sides."""

    def labelled(text: str, lang: str) -> Example:
        return example(text, *((n, "X") for n in names if n in text), lang=lang)

    return Unit(labelled(source, source_lang), labelled(target, target_lang), (source,))


SENTENCES = [
    # target language, source language, text, in the target language
    ("spa", "eng", "El gobierno anunció ayer nuevas medidas contra la sequía.", True),
    ("spa", "eng", "The government announced new measures against the drought.", False),
    ("spa", "eng", "¿Dónde compraste esos zapatos?", True),
    ("eng", "spa", "Where did you buy those shoes?", True),
    ("eng", "spa", "¿Dónde compraste esos zapatos?", False),
    ("spa", "eng", "Les enfants jouent au ballon devant leur école.", False),  # a third one
    ("spa", "eng", "政府昨天宣布了应对干旱的新措施并呼吁居民节约用水。", False),
    ("swa", "eng", "Serikali ilitangaza hatua mpya dhidi ya ukame jana.", True),
    ("swa", "eng", "Watoto wanacheza mpira nje ya shule yao.", True),
    ("swa", "eng", "The children are playing football outside their school.", False),
    ("swh", "eng", "Watoto wanacheza mpira nje ya shule yao.", True),  # an alias
    ("hau", "eng", "Yara suna wasan ƙwallon ƙafa a wajen makarantarsu.", True),
    ("yor", "eng", "Àwọn ọmọdé ń gbá bọ́ọ̀lù níta ilé ẹ̀kọ́ wọn.", True),
    ("eus", "eng", "Umeak futbolean jolasten ari dira eskolatik kanpo.", True),
    ("glg", "eng", "Os nenos están a xogar ao fútbol fóra da súa escola.", True),
    ("glg", "eng", "Los niños están jugando al fútbol fuera de su colegio.", False),
    ("spa", "eng", "As crianças estão jogando futebol fora da escola delas agora.", False),
    # no two-letter code
    ("pcm", "eng", "Di goment don tok say dem go help pipol wey no get wata.", True),
    ("fra", "eng", "Les enfants jouent au ballon devant leur école.", True),
    ("zho", "eng", "政府昨天宣布了应对干旱的新措施并呼吁居民节约用水。", True),
    ("zho", "eng", "政府呼吁居民节约用水。", True),
    ("zho_Hant", "eng", "政府昨天宣布了應對乾旱的新措施並呼籲居民節約用水。", True),
    ("jpn", "eng", "政府は昨日、干ばつへの新しい対策を発表しました。", True),
    ("zho", "jpn", "政府は昨日、干ばつへの新しい対策を発表しました。", False),
    ("arb", "eng", "أعلنت الحكومة أمس عن إجراءات جديدة لمواجهة الجفاف.", True),
    ("hin", "eng", "सरकार ने कल सूखे के खिलाफ नए उपायों की घोषणा की।", True),
    ("zho", "eng", "我哥哥在一家很小的餐馆里做厨师已经有三年了。", True),
    ("arb", "eng", "يعمل أخي طباخا في مطعم صغير.", True),
    ("por", "eng", "Meu irmão trabalha num pequeno restaurante.", True),
    ("deu", "eng", "Mein Bruder arbeitet in einem kleinen Restaurant.", True),
    ("rus", "eng", "Правительство вчера объявило о новых мерах против засухи.", True),
    # codes that are CLD2's or py3langid's own
    ("heb", "eng", "הילדים משחקים כדורגל מחוץ לבית הספר שלהם.", True),
    ("nob", "eng", "Barna spiller fotball utenfor skolen sin hver eneste dag.", True),
    ("jav", "eng", "Bocah-bocah padha dolanan bal-balan ing njaba sekolahane.", True),
    ("tgl", "eng", "Naglalaro ng bola ang mga bata sa labas ng kanilang paaralan.", True),
    ("bos", "eng", "Djeca igraju fudbal ispred svoje škole svakog dana poslije podne.", True),
]


@pytest.mark.parametrize(("target", "source", "text", "right"), SENTENCES)
def test_target_language(target: str, source: str, text: str, *, right: bool) -> None:
    assert (value(DEFAULT, pair("x", text, source, target)) >= 0.5) == right


@pytest.mark.parametrize(("target", "source", "text", "right"), SENTENCES)
def test_source_language_is_the_same_of_the_source(
    target: str, source: str, text: str, *, right: bool
) -> None:
    turned = pair(text, "x", target, source)
    assert (value(DEFAULT, turned, "source_language") >= 0.5) == right
    assert isnan(value(DEFAULT, turned, "target_language"))


@pytest.mark.parametrize("kind", ["cld2", "py3langid"])
@pytest.mark.parametrize(("target", "source", "text", "right"), SENTENCES)
def test_one_identifier_alone(
    kind: Kind, target: str, source: str, text: str, *, right: bool
) -> None:
    if kind == "py3langid" and (target, right) in {("glg", False), ("spa", False)}:
        return  # next-door languages need two
    found = value(ALONE[kind], pair("x", text, source, target))
    assert isnan(found) or (found >= 0.5) == right


@pytest.mark.parametrize(
    ("text", "target", "names"),
    [
        ("", "spa", ()),
        ("Buenos días.", "spa", ()),  # too short
        ("12 34 56 78 90 — 12:30 !!!", "spa", ()),
        ("我是厨师。", "zho", ()),
        (
            "Universidad Nacional Autónoma de México",
            "spa",
            ("Universidad Nacional Autónoma de México",),
        ),
        ("Koth osebedo kachwe nyaka nyoro odhiambo.", "luo", ()),  # not known to an identifier
        ("The government announced new measures.", "eng", ()),  # no other language to tell apart
    ],
)
def test_nothing_is_said_where_nothing_can_be_told(
    text: str, target: str, names: tuple[str, ...]
) -> None:
    made = pair("x", text, "eng", target, *names)
    for column in ("target_language", "source_language", "language_votes"):
        assert isnan(value(DEFAULT, made, column))


def test_names_do_not_fool_the_language() -> None:
    text = "Ayer conocimos a la gente de The New York Public Library Association of America"
    named_ = pair("x", text, "eng", "spa", "The New York Public Library Association of America")
    assert value(DEFAULT, named_) > value(DEFAULT, pair("x", text))
    assert value(ALONE["cld2"], named_) > 0.9
    assert value(ALONE["cld2"], pair("x", text)) < 0.1


def test_half_a_text_left_untranslated_shows() -> None:
    spanish = "El gobierno anunció ayer nuevas medidas contra la sequía en el sur del país"
    english = "and called on all the people who live there to save as much water as they can"
    assert value(DEFAULT, pair("x", f"{spanish} {english}")) < 0.9
    assert value(DEFAULT, pair("x", spanish)) == 1.0


def test_votes() -> None:
    every = Languages(always=True).build()
    spanish = "El gobierno anunció ayer nuevas medidas contra la sequía."
    assert value(every, pair("x", spanish), "language_votes") == 1.0
    english = "The government announced new measures against the drought."
    assert value(every, pair("x", english), "language_votes") == 0.0
    croatian = "Djeca svaki dan igraju nogomet ispred svoje škole u središtu grada."
    bosnian = pair("x", croatian, "eng", "bos")
    assert value(every, bosnian, "language_votes") == 1.0  # what is taken for kin counts
    # asking all of them changes no score
    for text in (spanish, english, croatian):
        assert value(every, pair("x", text)) == value(DEFAULT, pair("x", text))


def test_all_capitals_and_loose_accents_are_read() -> None:
    text = "El gobierno anunció ayer nuevas medidas contra la sequía."
    assert value(DEFAULT, pair("x", text.upper())) >= 0.9
    loose = "El gobierno anuncio\u0301 ayer nuevas medidas contra la sequi\u0301a."
    assert value(DEFAULT, pair("x", loose)) == value(DEFAULT, pair("x", text))


CONTROLS = "\x00\x01\x07\x0b\x1b\x7f\x85\x9f\ufdd0\ufffe\uffff\U0001fffe\U0010ffff\n\r\t"


def test_control_characters_and_surrogates_are_read_as_spaces() -> None:
    words = ["El", "gobierno", "anunció", "ayer", "nuevas", "medidas", "contra", "la", "sequía"]
    text = "".join(word + CONTROLS[i % len(CONTROLS)] for i, word in enumerate(words * 3))
    assert value(DEFAULT, pair("x", text + CONTROLS)) == 1.0
    assert isnan(value(DEFAULT, pair("x", CONTROLS)))


def test_a_text_of_a_megabyte() -> None:
    line = "El gobierno anunció ayer nuevas medidas contra la sequía. "
    long = pair("x", line * (1_000_000 // len(line)))
    unclear = pair("x", "No os desprecian. " * 20_000)
    begin = time.process_time()
    batch = [pair("x", line)] * 50 + [long, unclear]
    found = DEFAULT.score(Batch.of(batch))[0]
    assert time.process_time() - begin < 20
    assert list(found) == [1.0] * 51 + [value(DEFAULT, unclear)]


def test_rows_are_scored_alone() -> None:
    texts = [text for _, _, text, _ in SENTENCES] + ["", "Ana", "x " * 40, "\x00"]
    units = [pair(text, other) for text, other in zip(texts, reversed(texts), strict=True)]
    units += [
        replace(u, target=replace(u.target, spans=(Span(0, len(u.target.texts[0]) // 2, "X"),)))
        for u in units
        if len(u.target.texts[0]) > 20
    ]
    for scorer in (DEFAULT, Languages(always=True).build(), *ALONE.values()):
        together = scorer.score(Batch.of(units))
        alone = [scorer.score(Batch.of([unit])) for unit in units]
        for column, found in enumerate(together):
            np.testing.assert_array_equal(found, [row[column][0] for row in alone])
    assert [len(column) for column in DEFAULT.score(Batch.of([]))] == [0, 0, 0]


def test_two_texts_count_as_one() -> None:
    texts = ("¿Quién canta hoy?", "La hija de mi vecino.")
    made = Unit(Example("1", "eng", ("x", "y")), Example("1", "spa", texts))
    assert value(DEFAULT, made) >= 0.9
    none = Unit(Example("1", "eng", ()), Example("1", "spa", ()))
    both = DEFAULT.score(Batch.of([none, made, none]))[0]
    assert np.isnan(both).tolist() == [True, False, True]


def test_probabilities_are_those_of_the_package() -> None:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    package = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    sentences = [text for _, _, text, _ in SENTENCES] + ["ANA SINGS IN THE RAIN EVERY DAY"]
    batch = Batch.of([pair("x", text) for text in sentences])
    said = Py3LangId().opinions(outside_spans(batch.target), "spa", "eng")
    ranked = [dict(package.rank(text)) for text in sentences]
    np.testing.assert_allclose(said.ours, [rank["es"] for rank in ranked], atol=1e-5)
    np.testing.assert_allclose(said.theirs, [rank["en"] for rank in ranked], atol=1e-5)
    best = [max(rank.items(), key=lambda item: item[1]) for rank in ranked]
    np.testing.assert_allclose(said.certainty, [share for _, share in best], atol=1e-5)
    expected = [named(code) if share >= 0.5 else UNSURE for code, share in best]
    assert said.said.tolist() == expected


def test_texts_outside_spans() -> None:
    texts = ("Ana met Bob there", "in Rome")
    spans = (Span(0, 7, "P"), Span(4, 7, "V"), Span(8, 11, "P"), Span(3, 7, "L", 1))
    made = Example("1", "eng", texts, spans)
    other = Example("2", "eng", ("Zoë 王芳\x00 x",), (Span(0, 3, "P"),))
    loud = Example("3", "eng", ("ÉL 2024",))
    batch = Batch.of([Unit(e, e) for e in (made, other, Example("4", "eng", ()), loud)])
    found = [text.split() for text in outside_spans(batch.source).strings()]
    assert found == [["there", "in"], ["王芳", "x"], [], ["él", "2024"]]
    assert letters(batch.source).tolist() == [7, 5, 0, 2]


def test_kin() -> None:
    assert kin("bos") == {"bos", "hrv", "srp"}
    assert kin("spa") == {"spa"}


@pytest.mark.parametrize("scorer", [DEFAULT, *ALONE.values()])
def test_what_is_said_for_kin_is_said_for_a_language(scorer: LanguageScorer) -> None:
    croatian = "Tijekom protekloga tjedna u nogometnoj utakmici sudjelovalo je tisuću učenika."
    assert value(scorer, pair("x", croatian, "eng", "bos")) >= 0.9
    assert value(scorer, pair("x", croatian, "eng", "slv")) < 0.5


def test_a_slice_of_a_table() -> None:
    table = tables.units_to_table([pair("x", text) for _, _, text, _ in SENTENCES[:4]])
    whole = DEFAULT.score(Batch(table))[0]
    part = DEFAULT.score(Batch(table.slice(2, 2)))[0]
    np.testing.assert_array_equal(part, whole[2:])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"identifiers": ()}, "at least 1 item"),
        ({"identifiers": ("cld2", "cld2")}, "must be distinct"),
        ({"identifiers": ("cld3",)}, "cld2"),
        ({"identifiers": ("cld2", "fasttext")}, "model must name a file"),
        ({"model": "lid.bin"}, "model must name a file"),
    ],
)
def test_wrong_settings(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Languages.model_validate(settings)


def test_a_model_enters_by_its_content(tmp_path: Path) -> None:
    def identity(name: str, content: bytes) -> dict[str, object]:
        (tmp_path / name).write_bytes(content)
        return Languages(identifiers=("fasttext",), model=tmp_path / name).identity()

    assert identity("a.bin", b"1") == identity("b.bin", b"1") != identity("c.bin", b"2")


def test_a_model_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Languages(identifiers=("fasttext",), model=tmp_path / "lid.bin")
    monkeypatch.setitem(__import__("sys").modules, "fasttext", None)
    with pytest.raises(MissingExtraError, match="fasttext"):
        settings.check()
    monkeypatch.setitem(__import__("sys").modules, "fasttext", pytest)
    with pytest.raises(RecipeError, match=r"must be a file, was: .*lid\.bin"):
        settings.check()


def test_a_fasttext_model(tmp_path: Path) -> None:
    fasttext = pytest.importorskip("fasttext")
    spoken = [(t, text) for t, _, text, right in SENTENCES if right and t in {"spa", "swa", "deu"}]
    labels = {"spa": "spa_Latn", "swa": "swh_Latn", "deu": "deu_Latn"}
    rows = [f"__label__{labels[lang]} {text}" for lang, text in spoken]
    rows += [f"__label__eng_Latn {text}" for t, _, text, right in SENTENCES if not right][:2]
    (tmp_path / "text").write_text("\n".join(rows * 30), "utf-8")
    model = fasttext.train_supervised(
        str(tmp_path / "text"), minn=2, maxn=4, dim=16, epoch=20, lr=0.5, thread=1, verbose=0
    )
    model.save_model(str(tmp_path / "own.bin"))
    scorer = Languages(identifiers=("fasttext",), model=tmp_path / "own.bin").build()
    text = "El gobierno anunció ayer nuevas medidas contra la sequía."
    assert value(scorer, pair("x", text)) > 0.8
    assert value(scorer, pair("x", "Watoto wanacheza mpira nje ya shule", "eng", "swa")) > 0.8
    assert value(scorer, pair("x", text, "eng", "swa")) < 0.5
    assert isnan(value(scorer, pair("x", text, "eng", "fra")))  # not known to it
    (tmp_path / "bad.bin").write_bytes(b"no model")
    broken = Languages(identifiers=("fasttext",), model=tmp_path / "bad.bin").build()
    with pytest.raises(RecipeError, match="must be a fastText model"):
        value(broken, pair("x", text))


def test_links_are_in_no_language() -> None:
    made = pair("Contact: info@example.org", "Contacto: info@example.org")
    assert letters(Batch.of([made]).target).tolist() == [8]
    assert outside_spans(Batch.of([made, made]).target).strings()[1].split() == ["Contacto:"]
    found = pair(
        "Read it at https://www.example.org/the/news/of/today/and/what/people/say",
        "Léalo ahora en https://www.example.org/the/news/of/today/and/what/people/say",
    )
    assert not value(DEFAULT, found, "target_language") < 0.5

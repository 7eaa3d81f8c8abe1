import pytest
from hypothesis import given
from hypothesis import strategies as st

from xltpipe.text import is_punctuation, key, split_spaces, tokenise


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Anna's dog doesn't bite.", "Anna 's dog doesn 't bite ."),
        ("¿Dónde está l'Hospitalet?", "¿ Dónde está l' Hospitalet ?"),
        ("At 12:30 it cost 1,234.50 €", "At 12:30 it cost 1,234.50 €"),
        ("well-known O'Brien…", "well-known O' Brien …"),
        ("Wait... what?!", "Wait ... what ? !"),
        ("王芳在北京。", "王 芳 在 北 京 。"),
        ("他在Google工作", "他 在 Google 工 作"),
        ("NASA的火箭", "NASA 的 火 箭"),
        ("A股iPhone15を買った", "A 股 iPhone15 を 買 っ た"),
        ("コーヒーとカｰﾄ", "コ ー ヒ ー と カ ｰ ﾄ"),
        ("ซื้อiPhoneแล้ว", "ซื้ อ iPhone แ ล้ ว"),
        ("قال محمد: «نعم»", "قال محمد : « نعم »"),
        ("दिल्ली में", "दिल्ली में"),
        ("👩‍👩‍👧 hi 🇪🇸", "👩‍👩‍👧 hi 🇪🇸"),
        ("ＮＡＳＡ１２３ a\u00a0b", "ＮＡＳＡ１２３ a b"),
        ("e\u0301te\u0301", "e\u0301te\u0301"),
        ("", ""),
    ],
)
def test_words(text: str, words: str) -> None:
    assert tokenise(text).strings == words.split()


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_words_cover_all_but_white_space(text: str) -> None:
    words = tokenise(text)
    ends = [0, *(e for _, e in words.bounds)]
    starts = [*(s for s, _ in words.bounds), len(text)]
    gaps = [text[e:s] for e, s in zip(ends, starts, strict=True)]
    assert all(not gap or gap.isspace() for gap in gaps)
    assert all(s < e for s, e in words.bounds)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("Sushi.", "sushi"),
        ("«Ñu»", "ñu"),
        ("...", "..."),
        ("ＡＢＣ", "abc"),
        ("Straße", "strasse"),
        ("", ""),
    ],
)
def test_key(word: str, expected: str) -> None:
    assert key(word) == expected


def test_punctuation_is_unicodes() -> None:
    assert all(is_punctuation(p) for p in ["¿", "«", "。", "...", "€", "؟"])
    assert not any(is_punctuation(p) for p in ["a.", "१", "", "é"])


def test_split_spaces() -> None:
    assert split_spaces(" a  b\tc") == ((1, 2), (4, 5), (6, 7))

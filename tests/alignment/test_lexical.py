"""Words that are alike in writing, across conventions and scripts."""

import random
import time
from itertools import combinations

import pytest

from tests.alignment.bitexts import SCRIPT_PAIRS
from xltpipe.alignment import Lexical
from xltpipe.alignment.likeness import VOWEL, in_order, likeness
from xltpipe.alignment.numerals import readings
from xltpipe.alignment.romanisation import romanise, romaniser
from xltpipe.errors import MissingExtraError
from xltpipe.text import tokenise
from xltpipe.types import Words


def linked(source, target, **settings):
    one, other = tokenise(source), tokenise(target)
    found = Lexical(**settings).build().align([(one, other)])[0]
    assert len(found.scores) == len(found.links)
    return [(one.strings[i], other.strings[j]) for i, j in found.links]


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        (
            "Okafor paid 1,234.5 dollars.",
            "Okafor pagó 1.234,5 dólares.",
            "Okafor 1,234.5 dollars .",
        ),
        ("My name is Sarah.", "اسمي سارة.", "Sarah ."),
        ("Putin met Merkel in Moscow", "Путин встретил Меркель в Москве", "Putin Merkel"),
        ("Alexis Tsipras in Athens", "Ο Αλέξης Τσίπρας στην Αθήνα", "Alexis Tsipras Athens"),
        ("Barack Obama spoke, twice", "बराक ओबामा, दो बार बोले", "Barack Obama ,"),
        ("Giorgi in 2019", "გიორგი ٢٠١٩", "Giorgi 2019"),
        ("Boris loves David", "בוריס אוהב דוד", "Boris David"),
        ("東京 🗼 2,000", "Tokio 🗼 2.000", "🗼 2,000"),
        ("ราคา 50 บาท", "price 50 baht", "50"),
        ("What? Yes.", "什么？是。", "? ."),
        # too short, no name: false friends
        ("he has no pan", "he aquí un pan", ""),
        # in different scripts only what may be a name
        ("the bank", "это Банк", ""),
        ("a, b and c", "uno, dos, tres", ""),
        ("", "Hola", ""),
        ("Hello", "", ""),
        ("", "", ""),
    ],
)
def test_links(source, target, expected):
    assert " ".join(word for word, _ in linked(source, target)) == expected


def test_duplicates_are_matched_in_order():
    source = tokenise("Paris is near Paris, not Paris")
    target = tokenise("Paris está cerca de Paris y no de Paris")
    assert Lexical().build().align([(source, target)])[0].links == ((0, 0), (3, 4), (6, 8))
    fewer = tokenise("no lejos de Paris")
    assert Lexical().build().align([(source, fewer)])[0].links == ((6, 3),)


@pytest.mark.parametrize(
    ("left", "right", "links"),
    [
        ([0, 1], [5, 6], [(0, 5), (1, 6)]),
        ([4], [0, 4, 9], [(4, 4)]),
        ([0, 9], [1, 5, 8], [(0, 1), (9, 8)]),
        ([1, 5, 8], [0, 9], [(1, 0), (8, 9)]),
        ([], [1], []),
    ],
)
def test_in_order(left, right, links):
    assert in_order(left, right, 1.0) == links


def test_in_order_is_the_cheapest_of_all_choices():
    rng = random.Random(0)
    for _ in range(300):
        left, right = (sorted(rng.sample(range(12), rng.randint(1, 6))) for _ in range(2))
        slope = rng.choice([0.5, 1.0, 1.7])
        few, many = sorted((left, right), key=len)
        ways = [
            list(zip(few, some, strict=True)) for some in combinations(many, len(few))
        ]  # combinations ascend, so that none cross
        if len(left) > len(right):
            ways = [[(i, j) for j, i in way] for way in ways]
            cheapest = min(sum(abs(j / slope - i) for i, j in way) for way in ways)
            found = sum(abs(j / slope - i) for i, j in in_order(left, right, slope))
        else:
            cheapest = min(sum(abs(i * slope - j) for i, j in way) for way in ways)
            found = sum(abs(i * slope - j) for i, j in in_order(left, right, slope))
        assert found == pytest.approx(cheapest)
        assert in_order(left, right, slope) in ways


def test_a_word_that_fills_a_long_text_takes_no_cubic_time():
    started = time.perf_counter()
    links = in_order(range(700), range(0, 2800, 2), 4.0)
    assert len(links) == 700
    assert time.perf_counter() - started < 3  # .2 s; a minute where each step looks back at all


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1,234.5", "1.234,5", True),
        ("1’234.5", "1,234.5", True),
        ("1,234", "1.234", True),
        ("1.234", "1234", True),
        ("1,234,567", "1.234.567", True),
        ("7.50", "7,5", True),
        ("3.14", "3,14", True),
        ("٣", "3", True),
        ("１２", "12", True),
        ("007", "7", False),
        ("3.14", "314", False),
        ("24.12.2020", "24122020", False),
        ("1", "2", False),
    ],
)
def test_numerals(one, other, same):
    assert bool(readings(one) & readings(other)) is same


@pytest.mark.parametrize("word", ["", "x2", "12:30", "abc", "½"])
def test_no_numerals(word):
    assert not readings(word)


@pytest.mark.parametrize(
    ("word", "roman"),
    [
        ("чайковский", "chaykovskiy"),
        ("αθήνα", "athina"),
        ("თბილისი", "tbilisi"),
        ("երևան", "erevan"),
        ("ירושלים", "irvshlim"),
        ("محمد", "mhmd"),
        ("दिल्ली", "dilli"),
        ("łódź", "lodz"),
        ("straße", "strasse"),
        ("東京", "東京"),
    ],
)
def test_romanise(word, roman):
    assert romanise(word) == roman


def test_vowels_weigh_less_across_scripts():
    assert likeness("mhmd", "muhammad", VOWEL) > likeness("mhmd", "muhammad", 1.0)
    assert likeness("", "", 1.0) == 0
    assert likeness("casa", "casa", 1.0) == 1


def test_other_tables():
    assert linked("Putin spoke", "Путин сказал", romanisation="none") == []
    try:
        assert romaniser("anyascii")("путин") == "putin"
    except MissingExtraError as error:
        assert "xltpipe[lexical]" in str(error)
        with pytest.raises(MissingExtraError):
            Lexical(romanisation="anyascii").check()


def test_same_links_whatever_the_batch():
    aligner = Lexical().build()
    whole = aligner.align(SCRIPT_PAIRS)
    assert whole == [aligner.align([pair])[0] for pair in SCRIPT_PAIRS]


def test_long_pairs():
    long = (tokenise("Okafor sees the house. " * 100), tokenise("Okafor ve la casa. " * 100))
    aligner = Lexical().build()
    assert len(aligner.align([long])[0].links) == 200
    longer = tuple(Words("a" * 2001, tuple((k, k + 1) for k in range(2001))) for _ in range(2))
    assert aligner.align([longer])[0].links == ()
    assert aligner.skipped == 1

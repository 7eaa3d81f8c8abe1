from __future__ import annotations

from typing import Any

import pytest

from tests.examples import SCRIPTS
from tests.training.unigram import unigram_tokenizer
from xltpipe.errors import RecipeError
from xltpipe.text import tokenise
from xltpipe.training.from_scratch import learn_tokenizer
from xltpipe.training.text_to_text_words import Speller, add_tags, speller

pytest.importorskip("tokenizers")
pytest.importorskip("transformers")

TEXTS = [one.texts[0] for one in SCRIPTS if one.texts[0]]


@pytest.fixture(scope="module")
def bytes_speller() -> Speller:
    tokenizer = learn_tokenizer(TEXTS, 300, 64)
    tokenizer.eos_token = tokenizer.sep_token
    add_tags(tokenizer, ["PER", "LOC"])
    return speller(tokenizer, ["PER", "LOC"], "tokens")


@pytest.fixture(scope="module")
def unigram_speller() -> Speller:
    return speller(unigram_tokenizer(), ["PER"], "pieces")


@pytest.mark.parametrize("text", TEXTS)
def test_words_are_tokenised_in_their_text(bytes_speller: Speller, text: str) -> None:
    bounds = tokenise(text).bounds
    words, counts = bytes_speller.spell(text, bounds, 99)
    written = [bytes_speller.tokenizer.decode(word).strip() for word in words]
    assert written == [text[a:b] for a, b in bounds]
    assert counts["unknown_words"] == counts["shortened_words"] == 0
    if not counts["split_words"]:
        assert bytes_speller.read(words) == bytes_speller.tokenizer(text)["input_ids"]


def spelled(spell: Speller, text: str, longest: int = 99) -> tuple[list[list[str]], Any]:
    words, counts = spell.spell(text, tokenise(text).bounds, longest)
    return [spell.tokenizer.convert_ids_to_tokens(word) for word in words], counts


def test_words_that_share_a_piece_are_tokenised_alone(unigram_speller: Speller) -> None:
    words, counts = spelled(unigram_speller, "東京で Kano")
    assert words == [["▁", "東"], ["▁", "京"], ["で"], ["▁Kano"]]
    assert counts["split_words"] == 2


@pytest.mark.parametrize(
    ("text", "words", "unknown"),
    [
        ("Kano 🎉 .", [["▁Kano"], ["▁", "<unk>"], ["▁", "."]], 1),
        ("\u200b Kano", [["<unk>"], ["▁", "▁Kano"]], 1),  # nothing is left of the first word
        ("عمر", [["▁", "<unk>"]], 1),
    ],
)
def test_what_cannot_be_written_is_unknown(
    unigram_speller: Speller, text: str, words: list[list[str]], unknown: int
) -> None:
    assert len(tokenise(text).bounds) == len(words)
    found, counts = spelled(unigram_speller, text)
    assert [word[-1] for word in found] == [word[-1] for word in words]
    assert counts["unknown_words"] == unknown


@pytest.mark.parametrize("text", ["a </s> b", "</s>", "[SEP] <PER>Kano</PER> [PAD]", "<LOC>"])
def test_text_cannot_end_an_output_nor_tag(
    bytes_speller: Speller, unigram_speller: Speller, text: str
) -> None:
    for spell in (bytes_speller, unigram_speller):
        bounds = tokenise(text).bounds
        words, _ = spell.spell(text, bounds, 99)
        assert len(words) == len(bounds)
        assert all(words)
        assert spell.reserved.isdisjoint(piece for word in words for piece in word)


def test_words_are_shortened_to_the_longest(bytes_speller: Speller) -> None:
    words, counts = spelled(bytes_speller, "xyzzyxyzzyxyzzy Bob", longest=4)
    assert len(words[0]) == 4
    assert counts["shortened_words"] == 1


def test_a_tokenizer_needs_an_end_and_an_unknown_token() -> None:
    tokenizer = learn_tokenizer(TEXTS, 300, 64)
    with pytest.raises(RecipeError, match=r"an end token and an unknown token, was: eos None"):
        speller(tokenizer, ["PER"], "tokens")

"""What pairs are made into: names swapped, phrases marked, batches padded."""

from __future__ import annotations

import random
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from tests.mt.toy_text import sentence
from xltpipe.mt import encoded, preparation
from xltpipe.mt.batching import batch, groups
from xltpipe.mt.encoded import Encoded
from xltpipe.mt.names import Names
from xltpipe.mt.sampling import Group, Sampler, Variation, shares
from xltpipe.mt.vocabulary import END, Pieces, train


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("vocabulary") / "spm.model"
    draw = random.Random(1)
    rows = [sentence(draw) for _ in range(400)]
    train((side for row in rows for side in row[:2]), file, ["eng", "spa"], 500)
    return file


@pytest.fixture(scope="module")
def pieces(vocabulary: Path) -> Pieces:
    return Pieces.read(vocabulary)


def _processor(vocabulary: Path):
    from sentencepiece import SentencePieceProcessor

    return SentencePieceProcessor(model_file=str(vocabulary))


def test_names_are_swapped_on_both_sides_alike() -> None:
    names = Names(1)
    for pair in (("Anna saw Kenji.", "Anna vio a Kenji."), ("The dog ran.", "El perro corrió.")):
        names.see(*pair)
    source, target = names.vary("Anna saw 1987 dogs.", "Anna vio 1987 perros.") or ("", "")
    assert source.endswith(" dogs.")
    assert target.endswith(" perros.")
    assert source.split(" saw ")[0] == target.split(" vio ")[0]
    assert source.split()[-2] == target.split()[-2]
    assert (source, target) != ("Anna saw 1987 dogs.", "Anna vio 1987 perros.")


def test_words_that_are_no_names_stay() -> None:
    names = Names(1)
    for _ in range(9):
        names.see("no taxi here", "no taxi aquí")
    assert names.vary("No taxi here.", "No taxi aquí.") is None
    assert names.vary("The house.", "La casa.") is None


def test_every_character_has_pieces(vocabulary: Path) -> None:
    processor = _processor(vocabulary)
    for text in ("東京 ünïcode 😀", "مرحبا", "naïve façade №7"):
        ids = processor.encode(text)
        assert 1 not in ids
        assert processor.decode(ids) == unicodedata.normalize("NFKC", text)


def test_words_of_pieces_are_those_of_the_text(vocabulary: Path, pieces: Pieces) -> None:
    ids = np.array(_processor(vocabulary).encode("Omar sees the red dog, Anna."), np.uint16)
    assert preparation.words(ids, pieces).strings == [
        "Omar", "sees", "the", "red", "dog", ",", "Anna", ".",
    ]  # fmt: skip


def _written(home: Path, vocabulary: Path, pairs: list[tuple[str, str]], links) -> Encoded:
    processor = _processor(vocabulary)
    rows = [
        (
            np.array(processor.encode(one), np.uint16),
            np.array(processor.encode(other), np.uint16),
            np.array(link, np.uint8).reshape(-1, 2),
        )
        for (one, other), link in zip(pairs, links, strict=True)
    ]
    assert encoded.write(iter(rows), home) == len(pairs)
    return Encoded.read(home)


def test_encoded_pairs_come_back(tmp_path: Path, vocabulary: Path) -> None:
    pairs = [("Anna sees the dog.", "Anna ve el perro."), ("Omar.", "Omar."), ("a", "b c d")]
    found = _written(tmp_path, vocabulary, pairs, [[(0, 0), (3, 3)], [], [(0, 2)]])
    processor = _processor(vocabulary)
    assert len(found) == 3
    for place, pair in enumerate(pairs):
        one, other, _ = found.pair(place)
        assert (processor.decode(one.tolist()), processor.decode(other.tolist())) == pair
    assert [found.pair(k)[2].tolist() for k in range(3)] == [[[0, 0], [3, 3]], [], [[0, 2]]]


def _sampler(pairs: Encoded, pieces: Pieces, **changes: float) -> Sampler:
    tokens = pieces.index("<2es>"), pieces.index("<2en>")
    given = {"marked": 1.0, "joined": 0.0, "backward": 0.0, **changes}
    group = Group(pairs, 1.0, tokens, given["backward"])
    return Sampler([group], pieces, Variation(given["marked"], given["joined"], 60), 7)


PAIR = ("Anna sees the red dog.", "Anna ve el perro rojo.")
LINKS = [(0, 0), (1, 1), (2, 2), (3, 4), (4, 3), (5, 5)]


def test_marked_phrases_correspond(tmp_path: Path, vocabulary: Path, pieces: Pieces) -> None:
    sampler = _sampler(_written(tmp_path, vocabulary, [PAIR], [LINKS]), pieces)
    processor = _processor(vocabulary)
    partner = {"Anna": "Anna", "sees": "ve", "the": "el", "red": "rojo", "dog": "perro"}
    seen = set()
    for example in sampler.draw(200):
        sides = [processor.decode(ids.tolist()) for ids in (example.source[1:-1], example.target)]
        bare = [" ".join(w for w in s.replace(".", " .").split() if w[0] != "[") for s in sides]
        assert bare == [text.replace(".", " .") for text in PAIR]
        for name in "ABCDEFGH":
            inside = [_inside(side, name) for side in sides]
            if inside[0] is None or inside[1] is None:
                assert inside == [None, None]
                continue
            assert sorted(partner[w] for w in inside[0].split()) == sorted(inside[1].split())
            seen.add(inside[0])
    assert {"Anna", "red dog"} <= seen


def _inside(text: str, name: str) -> str | None:
    """What stands between the markers of a name; None where it has none, or several."""
    if text.count(f"[{name}]") != 1:
        return None
    return text.split(f"[{name}]")[1].split(f"[/{name}]", maxsplit=1)[0].strip()


def test_links_of_pieces_follow_the_words(tmp_path: Path, vocabulary: Path, pieces: Pieces) -> None:
    sampler = _sampler(_written(tmp_path, vocabulary, [PAIR], [LINKS]), pieces, marked=0.0)
    (example,) = sampler.draw(1)
    names = pieces.names
    linked = {
        (names[example.source[s]].strip("▁"), names[example.target[t]].strip("▁"))
        for t, s in example.links
    }
    assert ("dog", "perro") in linked
    assert ("red", "rojo") in linked
    assert ("red", "perro") not in linked


def test_both_directions_carry_their_tokens(
    tmp_path: Path, vocabulary: Path, pieces: Pieces
) -> None:
    pairs = _written(tmp_path, vocabulary, [PAIR], [LINKS])
    processor = _processor(vocabulary)
    texts = {"<2es>": PAIR[1], "<2en>": PAIR[0]}
    drawn = _sampler(pairs, pieces, marked=0.0, backward=0.5).draw(50)
    found = {pieces.names[one.source[0]]: processor.decode(one.target.tolist()) for one in drawn}
    assert found == texts
    assert {int(one.source[-1]) for one in drawn} == {int(one.target[-1]) for one in drawn} == {END}


def test_strategic_downsampling_keeps_so_many_of_the_way_back(
    tmp_path: Path, vocabulary: Path, pieces: Pieces
) -> None:
    """LMT keeps about 5 % of the directions into English; forward stays whole."""
    pairs = _written(tmp_path, vocabulary, [PAIR], [LINKS])
    drawn = _sampler(pairs, pieces, marked=0.0, backward=0.05).draw(4000)
    back = sum(pieces.names[one.source[0]] == "<2en>" for one in drawn)
    assert abs(back - 200) <= 3 * (4000 * 0.05 * 0.95) ** 0.5


def test_a_restored_sampler_goes_on_as_the_one_before(
    tmp_path: Path, vocabulary: Path, pieces: Pieces
) -> None:
    pairs = _written(tmp_path, vocabulary, [PAIR, ("Omar.", "Omar."), ("a", "b")], [LINKS, [], []])
    first = _sampler(pairs, pieces, joined=0.3)
    first.draw(11)
    state = first.state()
    wanted = [(one.source.tolist(), one.target.tolist()) for one in first.draw(20)]
    second = _sampler(pairs, pieces, joined=0.3)
    second.restore(state)
    assert [(one.source.tolist(), one.target.tolist()) for one in second.draw(20)] == wanted


@pytest.mark.parametrize(
    ("temperature", "wanted"), [(1, [0.9, 0.1]), (2, [0.75, 0.25]), (1e9, [0.5, 0.5])]
)
def test_temperature_flattens_shares(temperature: float, wanted: list[float]) -> None:
    assert shares([900, 100], temperature) == pytest.approx(wanted, abs=1e-6)


def test_batches_hold_every_example_once_within_the_budget(
    tmp_path: Path, vocabulary: Path, pieces: Pieces
) -> None:
    draw = random.Random(3)
    rows = [sentence(draw)[:2] for _ in range(60)]
    pairs = _written(tmp_path, vocabulary, rows, [[]] * 60)
    examples = _sampler(pairs, pieces, joined=0.5).draw(60)
    found = groups(examples, 90, random.Random(1))
    assert sorted(id(one) for part in found for one in part) == sorted(map(id, examples))
    for part in found:
        padded = batch(part)
        assert max(padded.source.numel(), padded.target.numel()) <= 90 or len(part) == 1
        assert padded.tokens == sum(len(one.target) for one in part)

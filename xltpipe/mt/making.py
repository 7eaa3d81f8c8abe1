"""Making a model: vocabulary, aligners and encoded files, each a step in the store."""

from __future__ import annotations

import hashlib
import random
import shutil
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from xltpipe.alignment.bitext import thin
from xltpipe.durable import digest_json
from xltpipe.errors import DataError, RecipeError
from xltpipe.mt import encoded, preparation, vocabulary
from xltpipe.mt.names import Names
from xltpipe.mt.pairs import held_out, read_pairs
from xltpipe.mt.recipe import Training
from xltpipe.mt.settings import Pairs
from xltpipe.protocols import Aligner
from xltpipe.store import Counts, Shard, Step, Store
from xltpipe.translation.normalisation import Normaliser

VOCABULARY, ALIGN, ENCODE = 1, 1, 1
"""Versions: raise by one when what a step makes changes its meaning."""

PREPROCESSING = ("nfkc", "plain_punctuation", "spaced_inversion")
SPM = "spm.model"


def normaliser() -> Normaliser:
    return Normaliser(PREPROCESSING, vocabulary.MARKERS)


def texts(
    recipe: Training, file: Pairs, held: frozenset[str], tally: Counter[str]
) -> Iterator[tuple[str, str]]:
    """The usable pairs of a file, streaming, without sentences that are held out."""
    return read_pairs(file, recipe.root, normaliser(), held, tally)


def vocabulary_step(recipe: Training) -> Step:
    """Learn the vocabulary from the files by their weights; or take over that of `base`."""
    identity = {
        "vocabulary": recipe.vocabulary.identity(),
        "pairs": [file.identity() for file in recipe.pairs],
        "files": recipe.fingerprint(),
        "seed": recipe.seed,
    }

    def build(home: Path) -> Counts:
        if recipe.base is not None:
            _take_over(recipe.root / recipe.base / SPM, home / SPM, recipe.languages)
            return {"rows": 0, "from_base": 1}
        counted = Counter[str]()
        lines = _lines(recipe, counted)
        vocabulary.train(lines, home / SPM, recipe.languages, recipe.vocabulary.size)
        return {"rows": counted["lines"]}

    return Step("mt-vocabulary", VOCABULARY, identity, (), build, part=SPM)


def _take_over(base: Path, file: Path, languages: Sequence[str]) -> None:
    """Copy the vocabulary of a model trained here.

    Raises:
        RecipeError: it is not there, or lacks the token of a language.
    """
    try:
        shutil.copy(base, file)
        known = vocabulary.Pieces.read(file).names
    except (OSError, RuntimeError) as error:
        raise RecipeError(
            f"Base must be a model trained here, with its {SPM}, was: {base.parent} ({error})"
        ) from error
    missing = [code for code in languages if vocabulary.target_token(code) not in known]
    if missing:
        raise RecipeError(
            f"Base must have the tokens of all languages, was: {base.parent} without "
            f"{', '.join(map(vocabulary.target_token, missing))}; train without base"
        )


def _lines(recipe: Training, counted: Counter[str]) -> Iterator[str]:
    """Both sides of pairs, of each language about as many, of each file by its weight."""
    held = held_out(recipe)
    pairs = sorted({file.languages for file in recipe.pairs})
    for languages in pairs:
        files = [file for file in recipe.pairs if file.languages == languages]
        most = recipe.vocabulary.lines // (2 * len(pairs))
        whole = sum(file.weight for file in files)
        for file in files:
            quota = max(100, int(most * file.weight / whole))
            for pair in thin(texts(recipe, file, held, Counter()), quota):
                counted["lines"] += 2
                yield from pair


def aligner_step(
    recipe: Training, pair: tuple[str, str], vocabulary_shard: Shard, store: Store
) -> Step:
    """Train an aligner on the words of all files of one language pair."""
    aligner = recipe.aligner
    if aligner is None:
        raise DataError("Aligner must be set to be trained, was: none")
    files = [file for file in recipe.pairs if file.languages == pair]
    identity = {
        "aligner": aligner.identity(),
        "pairs": [file.identity() for file in files],
        "files": recipe.fingerprint(),
    }

    def build(home: Path) -> Counts:
        pieces = vocabulary.Pieces.read(store.path(vocabulary_shard))
        held = held_out(recipe)
        most = aligner.max_pairs // len(files) + 1
        pairs = (
            (preparation.words(one, pieces), preparation.words(other, pieces))
            for file in files
            for one, other in preparation.encode(
                thin(texts(recipe, file, held, Counter()), most),
                _tokeniser(store.path(vocabulary_shard)),
            )
        )
        aligner.train(pairs, home / "aligner")
        return {"rows": most}

    return Step("mt-aligner", ALIGN, identity, (vocabulary_shard.id,), build, part="aligner")


def encode_step(
    recipe: Training, file: Pairs, vocabulary_shard: Shard, aligner: Shard | None, store: Store
) -> Step:
    """Encode one file: pieces of both sides, varied names, links between words."""
    identity = {
        "pairs": file.identity(),
        "digest": recipe.fingerprint()[f"pairs.{recipe.pairs.index(file)}"],
        "names": recipe.drawing.names,
        "aligned": recipe.aligned_pairs,
        "held_out": digest_json(sorted(recipe.fingerprint().items())),
        "seed": recipe.seed,
    }

    def build(home: Path) -> Counts:
        pieces = vocabulary.Pieces.read(store.path(vocabulary_shard))
        tally = Counter[str]()
        built = _aligner(recipe, store, aligner, file)
        stream = preparation.encode(
            _varied(recipe, file, tally), _tokeniser(store.path(vocabulary_shard))
        )
        linked = preparation.linked(stream, pieces, built, recipe.aligned_pairs, tally)
        count = encoded.write(linked, home)
        return {"rows": count, **tally}

    inputs = (vocabulary_shard.id, *([aligner.id] if aligner else []))
    return Step("mt-encode", ENCODE, identity, inputs, build, part="")


def _varied(recipe: Training, file: Pairs, tally: Counter[str]) -> Iterator[tuple[str, str]]:
    """Each pair once, and now and then again with other names.

    Reads the file twice: nine bytes a pair are all that is kept between.
    """
    held = held_out(recipe)
    names = Names(recipe.seed)
    marks = array("q")
    for pair in texts(recipe, file, held, Counter()):
        names.see(*pair)
        marks.append(_mark(pair))
    _, first = np.unique(np.frombuffer(marks, np.int64), return_index=True)
    fresh = np.zeros(len(marks), bool)
    fresh[first] = True
    draw = random.Random(recipe.seed)  # noqa: S311 - not for secrets
    for place, pair in enumerate(texts(recipe, file, held, tally)):
        if not fresh[place]:
            tally["used"] -= 1
            tally["duplicate"] += 1
            continue
        yield pair
        other = names.vary(*pair) if draw.random() < recipe.drawing.names else None
        if other is not None:
            tally["varied"] += 1
            yield other


def _mark(pair: tuple[str, str]) -> int:
    digest = hashlib.blake2b("\t".join(pair).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def _tokeniser(model: Path) -> Callable[[list[str]], list[list[int]]]:
    from sentencepiece import SentencePieceProcessor

    processor = SentencePieceProcessor(model_file=str(model))

    def tokenise(texts: list[str]) -> list[list[int]]:
        ids: list[list[int]] = processor.encode(texts, num_threads=1)
        return ids

    return tokenise


def _aligner(recipe: Training, store: Store, artefact: Shard | None, file: Pairs) -> Aligner | None:
    if artefact is None or recipe.aligner is None:
        return None
    return recipe.aligner.build(store.path(artefact), *file.languages)

"""Candidates from a tagged text-to-text model (T-Projection, García-Ferrero et al., 2023).

The model reads a text with one empty slot per span, `… <PER>[None]</PER><LOC>[None]</LOC>`, and
writes the slots filled. It is trained on labelled source text alone: `prompt` and `answer` make
its pairs. Every beam is read; what does not stand in the text is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, cast

from xltpipe.errors import RecipeError, require
from xltpipe.text import key, tokenise
from xltpipe.types import Bounds, Words

Filled = tuple[str, str]
"""A label and the text in its slot."""

EMPTY = "[None]"


def prompt(text: str, labels: Sequence[str]) -> str:
    """The text with an empty slot for each label, in the order of the source spans."""
    return " ".join([text, "".join(f"<{label}>{EMPTY}</{label}>" for label in labels)])


def answer(slots: Sequence[Filled]) -> str:
    """What the model is to write for filled slots."""
    return "".join(f"<{label}>{text}</{label}>" for label, text in slots)


def read_slots(written: str, labels: Sequence[str]) -> list[Filled]:
    """The filled slots of an answer, distinct, in order; unbalanced and empty ones are left out."""
    names = "|".join(map(re.escape, sorted(set(labels), key=len, reverse=True)))
    found: list[Filled] = []
    opened, text = None, ""
    for tag, label, between in re.findall(
        rf"<(/?)({names})>([^<]*(?:<(?!/?(?:{names})>)[^<]*)*)", written
    ):
        if not tag:
            opened, text = label, " ".join(between.split())
            continue
        if opened == label and text not in {"", EMPTY}:
            found.append((label, text))
        opened = None
    return list(dict.fromkeys(found))


def occurrences(text: str, target: Words, *, agglutinative: bool) -> list[Bounds]:
    """Where a text stands in the target's words: as it is, else under its words' keys.

    Tried with the words between its spaces, then with those of our tokeniser. An agglutinative
    target may have more around each word; the whole words are taken.
    """
    theirs = target.strings
    folded = [key(word) for word in theirs]
    patterns = [text.split(), tokenise(text).strings]
    trials: list[tuple[Sequence[str], list[str], Callable[[str, str], bool]]] = [
        *((theirs, pattern, str.__eq__) for pattern in patterns),
        *((folded, [key(word) for word in pattern], str.__eq__) for pattern in patterns),
    ]
    if agglutinative:
        trials += [(folded, [key(w) for w in p], str.__contains__) for p in patterns]
    for words, pattern, same in trials:
        places = range(len(words) - len(pattern) + 1) if pattern else ()
        found = [
            (at, at + len(pattern))
            for at in places
            if all(same(words[at + n], word) for n, word in enumerate(pattern))
        ]
        if found:
            return found
    return []


def check(home: Path) -> None:
    """Meet what is missing for a generator before it is loaded.

    Raises:
        RecipeError: the directory holds no model.
        MissingExtraError: transformers or torch is not installed.
    """
    require("transformers", "train")
    require("torch", "train")
    if not (home / "config.json").is_file():
        raise RecipeError(
            "Generator must be a directory with a sequence-to-sequence model of transformers, "
            f"was: {home} (no config.json); leave generator out to take n-grams"
        )


class _Tensor(Protocol):
    def tolist(self) -> list[list[int]]: ...


class _Tokenizer(Protocol):
    all_special_tokens: list[str]
    eos_token_id: int

    def encode(self, text: str) -> list[int]: ...

    def batch_decode(
        self, ids: list[list[int]], *, skip_special_tokens: bool, clean_up_tokenization_spaces: bool
    ) -> list[str]: ...


class _Model(Protocol):
    def generate(
        self,
        input_ids: object,
        *,
        num_beams: int,
        num_return_sequences: int,
        max_new_tokens: int,
        do_sample: bool,
    ) -> _Tensor: ...


class Generator:
    """A local sequence-to-sequence model.

    `too_long` counts prompts of more than `max_tokens`, `cut` beams that were not ended by then.
    """

    def __init__(self, home: Path, *, beams: int, max_tokens: int, batch_size: int) -> None:
        transformers = require("transformers", "train")
        self._torch = require("torch", "train")
        check(home)
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            home, local_files_only=True, trust_remote_code=False
        )
        model = transformers.AutoModelForSeq2SeqLM.from_pretrained(
            home, local_files_only=True, trust_remote_code=False
        )
        self._tokenizer, self._model = cast("_Tokenizer", tokenizer), cast("_Model", model.eval())
        self._beams, self._max_tokens, self._batch_size = beams, max_tokens, batch_size
        self.too_long = self.cut = 0

    def generate(self, asked: Sequence[tuple[str, Sequence[str]]]) -> list[list[Filled] | None]:
        """Slots filled in any beam for each (text, labels), best beam first; None if too long.

        Only prompts of equal length share a batch: padding would change the last digits.
        """
        ids = [self._tokenizer.encode(prompt(text, labels)) for text, labels in asked]
        lengths: dict[int, list[int]] = {}
        for place, one in enumerate(ids):
            if len(one) <= self._max_tokens:
                lengths.setdefault(len(one), []).append(place)
        self.too_long += len(asked) - sum(map(len, lengths.values()))
        out: list[list[Filled] | None] = [None] * len(asked)
        for _, places in sorted(lengths.items()):
            for start in range(0, len(places), self._batch_size):
                batch = places[start : start + self._batch_size]
                for place, beams in zip(batch, self._write([ids[p] for p in batch]), strict=True):
                    out[place] = self._read(beams, asked[place][1])
        return out

    def _write(self, ids: list[list[int]]) -> list[list[str]]:
        """Each prompt's beams as text, with all special tokens."""
        with self._torch.inference_mode():
            written = self._model.generate(
                self._torch.tensor(ids),
                num_beams=self._beams,
                num_return_sequences=self._beams,
                max_new_tokens=self._max_tokens,
                do_sample=False,
            ).tolist()
        self.cut += sum(self._tokenizer.eos_token_id not in one[1:] for one in written)
        # Tags may be special tokens themselves, so none is skipped here.
        texts = self._tokenizer.batch_decode(
            written, skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        return [texts[n : n + self._beams] for n in range(0, len(texts), self._beams)]

    def _read(self, beams: Sequence[str], labels: Sequence[str]) -> list[Filled]:
        """The slots of all beams, distinct, best beam first."""
        tags = {f"<{slash}{label}>" for label in labels for slash in ("", "/")}
        framing = [one for one in self._tokenizer.all_special_tokens if one not in tags]
        found: list[Filled] = []
        for one in beams:
            for token in framing:
                one = one.replace(token, " ")  # noqa: PLW2901 - one token after the other
            found += read_slots(one, labels)
        return list(dict.fromkeys(found))

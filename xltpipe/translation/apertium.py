"""Apertium: rule-based translation between close languages (Forcada et al., 2011).

Its programs and data are packages of the operating system, under the GPL: they run as processes of
their own. No weights; the same text always gives the same translation; tags go with their words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from xltpipe import progress
from xltpipe.languages import resolve
from xltpipe.protocols import Translator
from xltpipe.spec import Incidental, Licensed
from xltpipe.text import tokenise
from xltpipe.translation.apertium_modes import WBLANK, Mode, find_mode, fingerprint, require
from xltpipe.translation.apertium_pipeline import Answer
from xltpipe.translation.apertium_pool import answers
from xltpipe.translation.apertium_stream import decode, encode
from xltpipe.translation.engines import usable_cores
from xltpipe.translation.tags import Tagged, read, write
from xltpipe.types import Translation

_CHUNK = 128
"""Texts that one pipeline gets at a time."""


class Apertium(Licensed):
    """Which data, and how the programs are run.

    `variant` picks one of several modes of a pair: `valencia` of English or Spanish to Catalan,
    `BR` of Spanish to Portuguese. `timeout` is how long a text may take, in seconds, before the
    programs are ended and started again. Zero `workers` means: set from the machine.
    """

    kind: Literal["apertium"] = "apertium"
    variant: str = ""
    # By content only, through fingerprint(): the same packages elsewhere give the same texts.
    modes: Annotated[Path, Incidental] = Path("/usr/share/apertium/modes")
    workers: Annotated[int, Incidental] = Field(default=0, ge=0)
    timeout: Annotated[float, Incidental] = Field(default=60.0, gt=0)

    def build(self, source: str, target: str) -> Translator:
        """A translator for this pair; the programs start at its first texts.

        Raises:
            RecipeError: a language is unknown, or the pair has no such variant.
            MissingExtraError: Apertium or the pair is not installed; the message lists what is.
        """
        self.mode(source, target).stages()
        return ApertiumTranslator(self)

    def mode(self, source: str, target: str) -> Mode:
        """The mode of a pair; raises as `build` does."""
        return find_mode(self.modes, resolve(source), resolve(target), self.variant)

    def check(self) -> None:
        """Raises MissingExtraError where Apertium is not installed; the pair is met by `build`."""
        require(WBLANK)

    def fingerprint(self) -> dict[str, str]:
        return fingerprint(self.modes)

    def native_markers(self) -> bool:
        """No markers of its own: text that looks like one is text."""
        return False

    def native_tags(self) -> bool:
        """Tags are word-bound blanks to it: they move with the words that they are around."""
        return True

    def aligning_model(self) -> None:
        """There is no model whose attention could be read."""


class ApertiumTranslator:
    """Hands texts to the pipelines of this process.

    `counts` tells how many words the texts had and how many of them no dictionary knew. Holds no
    process itself, so it may be pickled and sent to another one.
    """

    def __init__(self, spec: Apertium) -> None:
        self._spec = spec
        self.counts: Counter[str] = Counter(words=0, unknown_words=0)

    def translate(self, texts: Sequence[str], source: str, target: str) -> list[Translation]:
        """One translation per text, same order, with tags where the text has some.

        Blank texts give an empty one. Tokens are the dictionaries' words of the text, and ours of
        the translation. Nothing is cut, whatever its length.

        Raises:
            RecipeError, MissingExtraError: as `Apertium.build`; the programs do not run at all.
        """
        mode = self._spec.mode(source, target)
        results = [Translation("")] * len(texts)
        places = [place for place, text in enumerate(texts) if text and not text.isspace()]
        progress.tick("translate", len(texts) - len(places))
        chunks = [places[start : start + _CHUNK] for start in range(0, len(places), _CHUNK)]
        workers = max(1, min(len(chunks), self._spec.workers or usable_cores()))
        with ThreadPoolExecutor(workers) as threads:
            under_way = {
                threads.submit(self._chunk, mode, [texts[place] for place in chunk]): chunk
                for chunk in chunks
            }
            try:
                for done in as_completed(under_way):
                    translations, words, unknown = done.result()
                    self.counts.update(words=words, unknown_words=unknown)
                    for place, one in zip(under_way[done], translations, strict=True):
                        results[place] = one
                    progress.tick("translate", len(translations))
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)
                raise
        return results

    def round_trip(self, text: str, source: str, target: str) -> str:  # noqa: ARG002
        """The text as the programs are given it, read back: they see all of it."""
        seen = decode(encode(read(text), 0), 0)
        return "" if seen is None else write(seen.text, seen.pieces)

    def _chunk(self, mode: Mode, texts: Sequence[str]) -> tuple[list[Translation], int, int]:
        """Translations, words, and unknown words."""
        given: list[Tagged | None] = [_tagged(text) for text in texts]
        readable = [one for one in given if one is not None]
        got = iter(answers(mode, self._spec.timeout, readable))
        found = [UNREADABLE if one is None else next(got) for one in given]
        counted = [one for one in found if isinstance(one, Answer)]
        return (
            [_translation(one) for one in found],
            sum(one.words for one in counted),
            sum(one.unknown for one in counted),
        )


UNREADABLE = "text_not_encodable: it holds half of a surrogate pair"


def _tagged(text: str) -> Tagged | None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return None
    return read(text)


def _translation(found: Answer | str) -> Translation:
    if isinstance(found, str):
        return Translation("", fault=found)
    text = write(found.tagged.text, found.tagged.pieces)
    return Translation(text, tokens_in=found.words, tokens_out=len(tokenise(found.tagged.text)))

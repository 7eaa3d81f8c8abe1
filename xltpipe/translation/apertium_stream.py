r"""Stream: one text as Apertium reads and writes it (its stream format, with word-bound blanks).

A text becomes `… [[t:s:0]]New York[[/]] …[<7>].[]`: spans in tags that go with their words, the
block's number behind the text, and a full stop of our own behind that, so that no sentence runs
on into the next block. Programs of the pipe stop at what they cannot read, so what the format
reserves is escaped, and characters that they would swallow go as noncharacters instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

import regex

from xltpipe.translation.tags import Piece, Tagged

_RESERVED = re.compile(r"[\[\]{}^$/\\@<>]")
# NUL ends a block, U+FFFF is taken for the stream's end, U+FEFF is lost where a program's input
# begins with it, and two characters are marks of generators: ~ joins words, and @ says that a word
# has no translation (between letters it is an address, which analysers know). Other characters
# pass (docs/findings.md); soft hyphens go on purpose, for words are known without them.
_SWALLOWED = "\0~\uffff\ufeff@"
_MARK = "\ufddf"
_STANDING = {char: chr(0xFDD8 + n) for n, char in enumerate(_SWALLOWED)}
_STANDS = re.compile(f"[{_MARK}{''.join(_STANDING.values())}]")
_PROTECTED = re.compile(f"[{re.escape(_SWALLOWED[:-1])}]|(?<!\\w)@|@(?!\\w)")
_BACK = re.compile(f"{_MARK}(.)|([{''.join(_STANDING.values())}])", re.DOTALL)
_MEANT = {stand: char for char, stand in _STANDING.items()}
_ITEM = re.compile(r"\[\[(/|[^\[\]]*)\]\]|\[((?:[^\[\]\\]|\\.)*)\]|\\(.)", re.DOTALL)
_ID = re.compile(r"t:s:([0-9]{1,9})(?![0-9])")
_WORDY = regex.compile(r"[\p{L}\p{M}\p{N}]")


def encode(tagged: Tagged, number: int) -> bytes:
    """The block of a text, without the NUL that ends it.

    Tags go around whole words: an edge inside a word is moved to the word's own.

    Raises:
        UnicodeEncodeError: the text holds half of a surrogate pair.
    """
    text = tagged.text
    pieces = [(*_whole(text, start, end), id) for start, end, id in tagged.pieces]
    edges = sorted({0, len(text), *(e for start, end, _ in pieces for e in (start, end))})
    out = []
    for start, end in pairwise(edges):
        ids = sorted({id for a, b, id in pieces if a <= start and end <= b})
        out.append(_segment(text[start:end], ids))
    return f"{''.join(out)}[<{number}>].[]".encode()


def _whole(text: str, start: int, end: int) -> tuple[int, int]:
    while start > 0 and _inside(text, start):
        start -= 1
    while end < len(text) and _inside(text, end):
        end += 1
    return start, end


def _inside(text: str, place: int) -> bool:
    return bool(_WORDY.match(text[place - 1]) and _WORDY.match(text[place]))


def _segment(text: str, ids: Sequence[int]) -> str:
    inner = text.strip()
    if not ids or not inner:
        return _escaped(text)
    start = text.index(inner)
    before, after = text[:start], text[start + len(inner) :]
    blank = "; ".join(f"t:s:{id}" for id in ids)
    return f"{before}[[{blank}]]{_escaped(inner)}[[/]]{after}"


def _escaped(text: str) -> str:
    text = _STANDS.sub(lambda m: _MARK + m[0], text)
    text = _PROTECTED.sub(lambda m: _STANDING[m[0]], text)
    return _RESERVED.sub(lambda m: "\\" + m[0], text)


def decode(block: bytes, number: int) -> Tagged | None:
    """The text of an answer and the pieces that bear ids; None if it is not that of this block.

    Pieces of one id with nothing but white space between are one.
    """
    try:
        whole = block.decode()
    except UnicodeDecodeError:
        return None
    before, sign, after = whole.rpartition(f"[<{number}>]")
    if not sign or after[:1] not in {"", ".", "["}:
        return None
    parts: list[str] = []
    pieces: list[Piece] = []
    size = 0
    for part, ids in _parts(before):
        pieces += [(size, size + len(part), id) for id in ids]
        parts.append(part)
        size += len(part)
    text = "".join(parts)
    return Tagged(text, _joined(text, pieces))


def _parts(answer: str) -> Iterator[tuple[str, frozenset[int]]]:
    """The answer cut where ids change, as plain text."""
    ids: frozenset[int] = frozenset()
    at = 0
    plain: list[str] = []
    for match in _ITEM.finditer(answer):
        plain.append(answer[at : match.start()])
        at = match.end()
        if match[3] is not None:
            plain.append(match[3])
        elif match[1] is not None:
            yield _restored(plain), ids
            plain = []
            ids = frozenset(map(int, _ID.findall(match[1])))
    plain.append(answer[at:])
    yield _restored(plain), ids


def _restored(plain: Sequence[str]) -> str:
    return _BACK.sub(lambda m: m[1] or _MEANT[m[2]], "".join(plain))


def _joined(text: str, pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    last: dict[int, int] = {}
    out: list[Piece] = []
    for begin, stop, id in pieces:
        place = _solid(text, begin, stop)
        if place is None:
            continue
        start, end = place
        before = last.get(id)
        if before is not None and not text[out[before][1] : start].strip():
            out[before] = (out[before][0], end, id)
        else:
            last[id] = len(out)
            out.append((start, end, id))
    return tuple(sorted(out))


def _solid(text: str, start: int, end: int) -> tuple[int, int] | None:
    """A stretch without white space at its edges; None if nothing is left."""
    inner = text[start:end].strip()
    start += text[start:end].find(inner)
    return (start, start + len(inner)) if inner else None

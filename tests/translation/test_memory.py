"""Too little memory: batches get smaller, nothing is lost, and a single text says why it failed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from xltpipe import progress
from xltpipe.errors import RecipeError, TransientError
from xltpipe.translation import CTranslate2, decoding
from xltpipe.translation.engines import engine as real_engine
from xltpipe.translation.engines import is_out_of_memory

ROOT = Path(__file__).resolve().parents[2]
TEXTS = [f"I have {n} dogs and my mother works at the Red Cross." for n in range(40)]

# The limit is real: once the model is loaded, 60 MB more of address space, batches of 60,000 tokens.
REAL = """
import json, resource, sys
from xltpipe import progress
from xltpipe.translation import CTranslate2
texts = [f"I have {n} dogs." for n in range(300)]
spec = CTranslate2(workers=1, threads=1, batch_tokens=60000, beam=8)
translator = spec.build("eng", "spa")
translator.translate(texts[:2], "eng", "spa")
if sys.argv[1] == "limited":
    with open("/proc/self/statm") as pages:
        used = int(pages.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 60_000_000,) * 2)
done = translator.translate(texts, "eng", "spa")
print(json.dumps([[one.text for one in done], translator.counts, progress.notes]))
"""


def in_a_process(how: str) -> list[Any]:
    done = subprocess.run(
        [sys.executable, "-c", REAL, how], cwd=ROOT, timeout=120, check=True, capture_output=True
    )
    found: list[Any] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory as Linux has them")
def test_a_real_limit_of_memory_makes_batches_smaller_and_loses_nothing() -> None:
    limited, counts, notes = in_a_process("limited")
    free, none, _ = in_a_process("free")
    assert limited == free
    assert counts["smaller_batches"] >= 1
    assert not none
    assert any("memory did not suffice for batches of" in note for note in notes)


@dataclass
class Failing:
    error: Exception

    def result(self) -> Any:
        raise self.error


class Small:
    """The real engine, but batches of more than `most` tokens, or with a word, do not fit."""

    def __init__(self, key: Any, most: int, never: str, error: Exception) -> None:
        self._engine, self.most, self.never, self.error = real_engine(key), most, never, error
        self.asked: list[int] = []

    def translate_batch(self, source: Sequence[Sequence[str]], *more: Any, **settings: Any) -> Any:
        size = len(source) * max(map(len, source))
        self.asked.append(size)
        if size > self.most or any(self.never in "".join(one) for one in source):
            return [Failing(self.error) for _ in source]
        return self._engine.translate_batch(source, *more, **settings)


CUDA = RuntimeError("CUDA failed with error out of memory")


def small(
    monkeypatch: pytest.MonkeyPatch, most: int, never: str = "zebra", error: Exception = CUDA
) -> list[Small]:
    made: list[Small] = []

    def engine(key: Any) -> Small:
        if not made:
            made.append(Small(key, most, never, error))
        return made[0]

    monkeypatch.setattr(decoding, "engine", engine)
    return made


def translate(texts: list[str], batch_tokens: int) -> tuple[list[Any], Any]:
    # A number of its own for each test: what one finds out about memory, others must not know.
    translator = CTranslate2(batch_tokens=batch_tokens).build("eng", "spa")
    return translator.translate(texts, "eng", "spa"), translator.counts


def test_batches_are_halved_until_they_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    expected, _ = translate(TEXTS, 9001)
    made = small(monkeypatch, most=100)
    got, counts = translate(TEXTS, 9002)
    assert [one.text for one in got] == [one.text for one in expected]
    assert counts["smaller_batches"] == sum(size > 100 for size in made[0].asked)
    first = len(made[0].asked)
    translate(TEXTS, 9002)  # from now on, batches are small at once
    assert all(size <= 100 for size in made[0].asked[first:])
    assert len([n for n in progress.notes if "memory did not suffice" in n]) >= 1
    progress.notes.clear()


def test_a_single_text_that_does_not_fit_is_no_fault_of_its_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small(monkeypatch, most=100_000)
    texts = [*TEXTS[:5], "A zebra.", *TEXTS[5:9]]
    with pytest.raises(TransientError, match=r"was: text of .*smaller beam"):
        translate(texts, 9003)
    progress.notes.clear()


def test_memory_that_suffices_for_no_text_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch, most=1, error=MemoryError("std::bad_alloc"))
    with pytest.raises(RecipeError, match="Memory must suffice for a single text, was: text of"):
        translate(TEXTS[:4], 9004)
    progress.notes.clear()


def test_other_errors_of_the_engine_are_not_taken_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch, most=1, error=RuntimeError("No position encodings are defined"))
    with pytest.raises(RuntimeError, match="No position encodings"):
        translate(TEXTS[:4], 9005)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (CUDA, True),
        (RuntimeError("mkl_malloc: failed to allocate memory"), True),
        (RuntimeError("std::bad_alloc"), True),
        (RuntimeError("cuBLAS failed with status CUBLAS_STATUS_ALLOC_FAILED"), True),
        (MemoryError(), True),
        (RuntimeError("CUDA failed with error invalid device ordinal"), False),
        (ValueError("unknown token"), False),
    ],
)
def test_signs_of_too_little_memory(error: Exception, *, expected: bool) -> None:
    assert is_out_of_memory(error) == expected

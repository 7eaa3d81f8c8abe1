"""What the projection benchmarks share: aligners at work on gold data, rows with signatures."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gold import Case

from xltpipe.alignment import HMM, AlignerSpec
from xltpipe.evaluation.span_f1 import SpanF1
from xltpipe.projection import Aligned
from xltpipe.projection.aligned import AlignedProjector, words
from xltpipe.projection.passages import PassageAligner, part, passages
from xltpipe.protocols import Aligner, Pair
from xltpipe.text import tokenise
from xltpipe.types import Alignment, Score, Unit

Bitext = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Known:
    """Gives known links, whatever the batch: pairs are recognised by their texts."""

    links: dict[tuple[str, str], Alignment]

    @classmethod
    def of(cls, cases: Sequence[Case], links: Sequence[Alignment]) -> Known:
        texts = [(case.source.texts[0], case.gold.texts[0]) for case in cases]
        return cls(dict(zip(texts, links, strict=True)))

    def align(self, pairs: Sequence[Pair]) -> list[Alignment]:
        return [self.links[one.text, other.text] for one, other in pairs]


def pairs_of(cases: Sequence[Case]) -> list[Pair]:
    return [(words(case.source, 0), words(case.gold, 0)) for case in cases]


def trained(spec: AlignerSpec, cases: Sequence[Case], extra: Bitext, most: int = 100) -> Aligner:
    """An aligner that learnt from the cases' own text (no labels) and more; says how long it took.

    Texts of more than `most` words are cut into passages, for training as for aligning.
    """
    own: list[Pair] = []
    for one, other in pairs_of(cases):
        if max(len(one), len(other)) > most:
            own += [(part(one, p.source), part(other, p.target)) for p in passages(one, other)]
        else:
            own.append((one, other))
    more = [(tokenise(one), tokenise(other)) for one, other in extra]
    home = Path(tempfile.mkdtemp())
    begun = time.perf_counter()
    spec.train([*own, *more], home)
    lang = cases[0].gold.lang
    print(
        f"# {spec.kind}: {len(own)} own and {len(more)} further pairs, "
        f"trained in {time.perf_counter() - begun:.1f} s"
    )
    return spec.build(home, "eng", lang)


def project(cases: Sequence[Case], aligner: Aligner, spec: Aligned) -> list[Unit]:
    """Each case's translation with the labels that the projector put there."""
    if not cases:
        return []
    placer = spec.placer(cases[0].source.lang, cases[0].gold.lang)
    if not isinstance(aligner, Known):
        aligner = PassageAligner(aligner, spec.passage)
    return AlignedProjector(aligner, placer).project([case.unit for case in cases])


def measure(cases: Sequence[Case], done: Sequence[Unit], **context: str) -> Score:
    """Exact span F1 against the labels that a person put there."""
    metric = SpanF1().build(context)
    return metric.measure([case.gold for case in cases], [unit.target for unit in done])


def row(cases: Sequence[Case], done: Sequence[Unit], peer: str = "", **context: str) -> None:
    """Print a number with its signature, what was lost and why, and what to compare with."""
    score = measure(cases, done, **context)
    low, high = (score.details.get(f"f1_{end}", float("nan")) for end in ("low", "high"))
    placements = [p for unit in done for p in unit.placements]
    lost = Counter(p.reason for p in placements if p.reason)
    copied = sum(p.method == "aligned:copied" for p in placements)
    parts = [f"{reason} {count}" for reason, count in sorted(lost.items())]
    parts += [f"by equal strings {copied}"] * bool(copied)
    print(f"{score} [{low:.3f}, {high:.3f}] ; spans {len(placements)}, lost {lost.total()}", end="")
    print(f" ({', '.join(parts)})" if parts else "", f"; peers: {peer}" if peer else "")


def ceiling(cases: Sequence[Case]) -> float:
    """The best F1 of whoever gives each source span one place of its label.

    Labels are counted by sentence: of n source and m gold spans of a label, min(n, m) can match.
    """
    right = wanted = given = 0
    for case in cases:
        ours, theirs = (Counter(s.label for s in e.spans) for e in (case.source, case.gold))
        right += (ours & theirs).total()
        wanted += theirs.total()
        given += ours.total()
    return 2 * right / (wanted + given)


def hmm(source: str, target: str) -> HMM:
    """The HMM with the stored model of these languages (ISO 639-3), if there is one."""
    from xltpipe.alignment.priors import find_prior

    return HMM(prior=find_prior(source, target))


def named(spec: HMM) -> str:
    """What an aligner is called in a signature."""
    return "hmm" if spec.prior is None else "hmm+prior"

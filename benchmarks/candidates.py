"""Compare the projector `candidates` with plain alignment over the same links, on ABSA en-es.

    python benchmarks/candidates.py [--part 4]

Data: XLTPIPE_SHARED (default ../shared). Settings were chosen on train; test is only reported. The
scoring model is the embedded one. Links: our HMM with its stored prior, trained on the bare text
of train and test; those that a published tool gives (AWESOME, SimAlign); and the attention of the
embedded model, an aligner as weak as the model is. Each row: exact-span F1, spans per second of the
projection step (links given, an empty memory of scores), scores computed, lost spans by reason.

The second table is a chain on train: `aligned` first, and `candidates` for what it scored below a
confidence (1.01: all of them; 0: only spans without links).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gold import DATA, Case, absa, absa_links

from xltpipe.alignment import HMM, AlignerSpec, Attention
from xltpipe.alignment.priors import find_prior
from xltpipe.evaluation.span_f1 import SpanF1
from xltpipe.projection.aligned import Aligned, words
from xltpipe.projection.candidates import Candidates
from xltpipe.projection.candidates_projector import CandidatesProjector
from xltpipe.projection.chain import ChainProjector
from xltpipe.projection.rules import ALL
from xltpipe.protocols import Aligner, Pair, Projector
from xltpipe.translation.models import find_model
from xltpipe.types import Alignment, Unit

SPLITS = ("train", "test")
METHODS: Mapping[str, Aligned | Candidates] = {
    "plain min_max": Aligned(mode="min_max", without=tuple(sorted(ALL))),
    "aligned": Aligned(),
    "candidates": Candidates(),
    "  links alone": Candidates(alignment_weight=1.0),
}
SLOW: Mapping[str, Candidates] = {
    "  weight .5": Candidates(alignment_weight=0.5),
    "  weight 0": Candidates(alignment_weight=0.0, floor=0.2),
    "  T-Projection": Candidates(alignment_weight=0.0, floor=0.0, join="mean"),
    "  unnormalised": Candidates(alignment_weight=0.0, floor=0.0, join="mean", normalised=False),
}
"""Almost every candidate must be scored for these: tried with our own links only."""
FLOORS = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.01)

Links = Mapping[tuple[str, str], Alignment]


@dataclass(frozen=True, slots=True)
class Given:
    """Links made before, and the embedded model: all that a projector needs."""

    links: Links
    source: str = "eng"
    target: str = "spa"
    native_markers: bool = True

    @property
    def model(self) -> Path:
        return find_model("en-es-tatoeba")

    def aligner(self, spec: AlignerSpec) -> Aligner:  # noqa: ARG002 - the contract's
        return self

    def align(self, pairs: Sequence[Pair]) -> list[Alignment]:
        return [self.links[one.text, other.text] for one, other in pairs]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", type=int, default=1, help="only every n-th sentence")
    part = parser.parse_args().part
    if not DATA.is_dir():
        sys.exit(f"no data in {DATA}: set XLTPIPE_SHARED")
    cases = {split: absa(split) for split in SPLITS}
    given = {name: _sampled(cases, part) for name, cases in cases.items()}
    links = _links(cases)
    for split, some in given.items():
        gold = [case.gold for case in some]
        print(f"{split}: {SpanF1(resamples=0).build({}).measure(gold, gold).signature}")
    print(f"{'links':11}{'split':7}{'method':17}{'f1':>7}{'spans/s':>9}{'scores':>8}  lost")
    for name, tools in links.items():
        for split in SPLITS:
            for method, spec in (METHODS | SLOW if name == "hmm" else METHODS).items():
                row = _row(spec.build(tools), given[split])
                print(f"{name:11}{split:7}{method:17}{row}", flush=True)
    print("\ntrain: aligned where its confidence is at least c, candidates elsewhere; spans moved")
    print(f"{'links':11}" + "".join(f"{f'c={floor}':>14}" for floor in FLOORS))
    for name, tools in links.items():
        print(f"{name:11}" + "".join(_chained(tools, given["train"], c) for c in FLOORS))


def _sampled(cases: Sequence[Case], part: int) -> list[Case]:
    return [case for case in cases[::part] if case.source.spans or case.gold.spans]


def _links(cases: Mapping[str, Sequence[Case]]) -> dict[str, Given]:
    """Each aligner's links of all sentences; equal pairs have equal links."""
    every = [case for split in SPLITS for case in cases[split]]
    pairs = [(words(case.source, 0), words(case.gold, 0)) for case in every]
    hmm = HMM(prior=find_prior("eng", "spa"))
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "hmm")
        hmm.train(pairs, home)
        own = hmm.build(home, "eng", "spa").align(pairs)
    attention = Attention().build(None, "eng", "spa", find_model("en-es-tatoeba")).align(pairs)
    peers = {
        name: [one for split in SPLITS for one in absa_links(split, name)]
        for name in ("awesome", "simalign")
    }
    found = {"hmm": own, **peers, "attention": attention}
    keys = [(one.text, other.text) for one, other in pairs]
    return {name: Given(dict(zip(keys, one, strict=True))) for name, one in found.items()}


def _row(projector: Projector, cases: Sequence[Case]) -> str:
    units = [case.unit for case in cases]
    begun = time.perf_counter()
    done = projector.project(units)
    seconds = time.perf_counter() - begun
    placements = [placement for unit in done for placement in unit.placements]
    computed = (
        projector.likelihood.notes["computed"] if isinstance(projector, CandidatesProjector) else 0
    )
    lost = Counter(one.reason for one in placements if one.reason)
    speed = len(placements) / seconds
    return f"{_f1(done, cases):7.4f}{speed:9.0f}{computed:8}  {dict(sorted(lost.items()))}"


def _chained(tools: Given, cases: Sequence[Case], floor: float) -> str:
    methods = [Aligned().build(tools), Candidates().build(tools)]
    done = ChainProjector(methods, [floor, 0.0]).project([case.unit for case in cases])
    moved = sum(one.rank for unit in done for one in unit.placements)
    return f"{_f1(done, cases):8.4f} ({moved:3})".rjust(14)


def _f1(done: Sequence[Unit], cases: Sequence[Case]) -> float:
    gold, found = [case.gold for case in cases], [unit.target for unit in done]
    return SpanF1(resamples=0).build({}).measure(gold, found).value


if __name__ == "__main__":
    main()

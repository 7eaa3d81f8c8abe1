"""Label projection against gold: one subcommand a table.

    python benchmarks/projection.py TABLE [--split train|dev|test]

Tables: elp, absa-links, absa, europarl, abstrct, xquad, pud, speed, ablation here; aer, constrained
and candidates in files of their own. Data: XLTPIPE_SHARED (default ../shared). Rules were chosen on
ABSA train, AbstRCT train and dev, the first 48 paragraphs of XQuAD and the first 500 sentences of
PUD en-de; EuroParl was not looked at. Aligners learn from text alone; no gold label is read.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import gold
import pyarrow as pa
from projecting import Known, ceiling, hmm, measure, named, project, row, trained

from xltpipe.alignment import HMM
from xltpipe.projection import Aligned, elp
from xltpipe.projection.aligned import words
from xltpipe.projection.columns import project_table
from xltpipe.projection.placing import area_of
from xltpipe.projection.rules import ALL
from xltpipe.projection.sides import links_to_array
from xltpipe.tables import units_to_table
from xltpipe.types import Alignment, Unit

ELSEWHERE = {
    "aer": ["alignment.py", "aer"],
    "constrained": ["constrained.py"],
    "candidates": ["candidates.py"],
}
"""Tables in files of their own, with the arguments that they take first."""

LINKS_PEERS = {
    "awesome": {"train": "ELP .915, min-max .962", "test": "ELP .897, min-max .943"},
    "simalign": {"train": "ELP .867, min-max .891", "test": "ELP .849, min-max .871"},
}
PLAIN = Aligned(without=tuple(sorted(ALL)))
"""Min-max over links, nothing else."""


def elp_table(split: str) -> None:
    """The heuristic of ELP: the files it wrote, reproduced, and what they are worth."""
    for part in ("train", "test") if split == "test" else (split,):
        cases = gold.absa(part)
        for method in ("awesome", "simalign"):
            links, files = gold.absa_links(part, method), gold.absa_peer(part, method)
            made = [_elp_tags(c, a) for c, a in zip(cases, links, strict=True)]
            same = sum(tags == theirs for tags, (_, theirs) in zip(made, files, strict=True))
            print(f"elp|{method}|absa.{part}: {same} of {len(made)} sentences equal the file")
            row(cases, _units(cases, files), test=f"absa.{part}", projection=f"file.{method}")
            done = project(cases, Known.of(cases, links), Aligned(mode="elp"))
            row(cases, done, test=f"absa.{part}", projection="elp", links=method)
        for method in ("fast_align", "mgiza"):
            files = gold.absa_peer(part, method)
            row(cases, _units(cases, files), test=f"absa.{part}", projection=f"file.{method}")
    print("# links of fast_align and mgiza are not in the data: their files cannot be reproduced")


def _elp_tags(case: gold.Case, links: Alignment) -> list[str]:
    source, target = words(case.source, 0), words(case.gold, 0)
    areas = [area_of((s.start, s.end), source.bounds) for s in case.source.spans]
    labels = [s.label for s in case.source.spans]
    found = elp.place(labels, areas, links.links, target.strings)
    return elp.tags(labels, found, len(target))


def _units(cases: Sequence[gold.Case], files: Sequence[gold.Sentence]) -> list[Unit]:
    """The cases with the labels of a file, compared by position."""
    out = []
    for number, (case, (_, tags)) in enumerate(zip(cases, files, strict=True)):
        tokens = [case.gold.texts[0][a:b] for a, b in case.gold.tokens]
        read = gold.labelled(number, case.gold.lang, (tokens, tags))
        out.append(Unit(case.source, replace(read, id=case.gold.id)))
    return out


def absa_links(split: str) -> None:
    """ABSA, the links of two peers given."""
    cases = gold.absa(split)
    for method in ("awesome", "simalign"):
        known = Known.of(cases, gold.absa_links(split, method))
        for name, spec in (("min_max", PLAIN), ("aligned", Aligned())):
            done = project(cases, known, spec)
            peer = LINKS_PEERS[method][split]
            row(cases, done, peer, test=f"absa.{split}", projection=name, links=method)


def absa(split: str) -> None:
    """ABSA without pretrained weights."""
    cases, every = gold.absa(split), [*gold.absa("train"), *gold.absa("test")]
    peer = "ELP mGiza .741, AWESOME .897; eflomal min-max .9415; T-Projection ≈ .94"
    for name, spec, extra in (
        ("hmm+22k", HMM(), gold.bitext("es")),
        ("hmm+prior", hmm("eng", "spa"), []),
    ):
        aligner = trained(spec, every, extra)
        for how, settings in (("min_max", PLAIN), ("aligned", Aligned())):
            done = project(cases, aligner, settings)
            row(cases, done, peer, test=f"absa.{split}", projection=how, aligner=name)


def europarl(split: str) -> None:  # noqa: ARG001
    """EuroParl-NER, human translations; never looked at."""
    peer = "fast_align .71, SimAlign .84, AWESOME .87, T-Projection .91 (averages)"
    for lang, extra in (("es", gold.bitext("es")), ("de", _german())):
        cases = gold.europarl(lang)
        spec = hmm("eng", gold.ISO[lang])
        aligner = trained(spec, cases, extra)
        for how, settings in (("min_max", PLAIN), ("aligned", Aligned())):
            done = project(cases, aligner, settings)
            row(cases, done, peer, test=f"europarl.{lang}", projection=how, aligner=named(spec))
        print(f"# ceiling of europarl.{lang} (labels per sentence): {ceiling(cases):.4f}")


def abstrct(split: str) -> None:
    """AbstRCT: argument components, spans of thirty words."""
    cases = gold.abstrct(split)
    every = [case for part in ("train", "dev", "test") for case in gold.abstrct(part)]
    if split != "train":
        for method in ("auto_awesome", "postproc_awesome", "auto_simalign", "postproc_simalign"):
            units = _units(cases, gold.abstrct_peer(split, method))
            row(cases, units, test=f"abstrct.{split}", projection=f"file.{method}")
    for name, spec in (("hmm", HMM()), ("hmm+prior", hmm("eng", "spa"))):
        aligner = trained(spec, every, [])
        for how, settings in (("min_max", PLAIN), ("aligned", Aligned())):
            done = project(cases, aligner, settings)
            row(cases, done, test=f"abstrct.{split}", projection=how, aligner=name)


def xquad(split: str) -> None:
    """XQuAD: answers in paragraphs of human translations, exact span by characters."""
    for lang, extra in (("es", gold.bitext("es")), ("de", _german())):
        every = gold.xquad(lang, "all")
        specs = {"hmm": HMM()} | ({"hmm+prior": hmm("eng", "spa")} if lang == "es" else {})
        for name, spec in specs.items():
            aligner = trained(spec, every, extra)
            for part in ("dev",) if split == "dev" else ("test", "all"):
                cases = gold.xquad(lang, part)
                for how, settings in (("min_max", PLAIN), ("aligned", Aligned())):
                    done = project(cases, aligner, settings)
                    test = f"xquad.{lang}.{part}"
                    row(cases, done, test=test, projection=how, aligner=name)


def pud(split: str) -> None:
    """PUD: labelled on each side by itself, so no projection can reach 1."""
    for lang in ("pt", "de"):
        every = gold.pud(lang)
        extra = _german() if lang == "de" else gold.bitext(lang)
        spec = hmm("eng", gold.ISO[lang])
        aligner = trained(spec, every, extra)
        parts = {"dev": every[:500], "test": every[500:], "all": every}
        for part in ("dev",) if split == "dev" else ("test", "all"):
            cases = parts[part]
            print(f"# ceiling of pud.{lang}.{part} (labels per sentence): {ceiling(cases):.4f}")
            for how, settings in (("min_max", PLAIN), ("aligned", Aligned())):
                done = project(cases, aligner, settings)
                row(cases, done, test=f"pud.{lang}.{part}", projection=how, aligner=named(spec))


def _german() -> list[tuple[str, str]]:
    """All English-German text at hand: a bitext for each test holds the others' text too."""
    tests = [*gold.europarl("de"), *gold.pud("de")]
    own = [(case.source.texts[0], case.gold.texts[0]) for case in tests]
    return [*own, *gold.passages("de"), *gold.bitext("de")]


def speed(split: str) -> None:  # noqa: ARG001
    """15,000 sentences with links, from an Arrow file to a table with placements, one core."""
    cases = [*gold.absa("train"), *gold.absa("test")]
    known = [*gold.absa_links("train", "awesome"), *gold.absa_links("test", "awesome")]
    rows = [n % len(cases) for n in range(15_000)]
    links = [Alignment(known[n].links, (1.0,) * len(known[n].links)) for n in rows]
    table = units_to_table([cases[n].unit for n in rows])
    table = table.append_column(
        "links", links_to_array([(n, 0) for n in range(len(rows))], links, len(rows))
    )
    path = Path(tempfile.mkdtemp()) / "units.arrow"
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as file:
        file.write_table(table, max_chunksize=4096)
    placer = Aligned().placer("eng", "spa")
    words_in = sum(len(cases[n].source.tokens) for n in rows)
    print(f"# 15,000 sentences, {words_in} source words, ABSA repeated, AWESOME's links")
    for name, count in (("columns", 5), ("units", 3)):
        times = [_timed(name, path, placer) for _ in range(count)]
        wall, cpu = (len(rows) / min(column) for column in zip(*times, strict=True))
        print(f"speed|path:{name}|n:{len(rows)} = {cpu:.0f} sentences/s of CPU, {wall:.0f} of wall")
    print("# peers on 14,987 CoNLL sentences: ELP 3.4 s wall on 2 cores = 4,400/s")


def _timed(name: str, path: Path, placer: object) -> tuple[float, float]:
    from xltpipe.projection.aligned import AlignedProjector
    from xltpipe.projection.sides import LinkReader
    from xltpipe.tables import table_to_units

    wall, cpu = time.perf_counter(), time.process_time()
    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_file(source).read_all()
        if name == "columns":
            project_table(table.drop_columns(["links"]), placer, table.column("links"))
        else:
            reader = LinkReader(table.column("links"))
            units = table_to_units(table)
            found = [list(reader.of(n, 0)) for n, u in enumerate(units) if u.source.spans]
            given = [
                Alignment(tuple((i, j) for i, j, _ in one), tuple(s for *_, s in one))
                for one in found
            ]
            AlignedProjector(_Given(given), placer).project(units)
    return time.perf_counter() - wall, time.process_time() - cpu


class _Given:
    def __init__(self, links: Sequence[Alignment]) -> None:
        self._links = list(links)

    def align(self, pairs: Sequence[object]) -> list[Alignment]:
        return self._links[: len(pairs)]


def ablation(split: str) -> None:  # noqa: ARG001
    """What each rule is worth, on the data on which it was chosen: F1 without it, less F1 with."""
    sets = _development()
    print(f"{'':24}" + "".join(f"{name:>16}" for name in sets))
    whole = {name: _f1(*data, Aligned()) for name, data in sets.items()}
    print(f"{'all rules':24}" + "".join(f"{value:16.4f}" for value in whole.values()))
    variants = {f"without {rule}": Aligned(without=(rule,)) for rule in sorted(ALL)}
    variants |= {"mode gap 1": Aligned(mode="gap"), "mode gap 3": Aligned(mode="gap", gap=3)}
    variants |= {"long 6": Aligned(long=6), "long 12": Aligned(long=12)}
    variants |= {"clause 3": Aligned(clause=3), "clause 6": Aligned(clause=6)}
    variants |= {"reach 4": Aligned(reach=4), "reach 12": Aligned(reach=12)}
    variants |= {"determiners inside": Aligned(determiners="inside")}
    variants |= {"determiners outside": Aligned(determiners="outside")}
    variants |= {
        "no rule, min_max": PLAIN,
        "no rule, gap 2": PLAIN.model_copy(update={"mode": "gap", "gap": 2}),
    }
    variants |= {"elp": Aligned(mode="elp")}
    for label, spec in variants.items():
        values = (_f1(*data, spec) - whole[name] for name, data in sets.items())
        print(f"{label:24}" + "".join(f"{value:+16.4f}" for value in values))


def _development() -> dict[str, tuple[Sequence[gold.Case], object]]:
    train, test = gold.absa("train"), gold.absa("test")
    sets: dict[str, tuple[Sequence[gold.Case], object]] = {
        f"absa {m}": (train, Known.of(train, gold.absa_links("train", m)))
        for m in ("awesome", "simalign")
    }
    sets["absa hmm"] = (train, trained(HMM(), [*train, *test], gold.bitext("es")))
    argument = [case for part in ("train", "dev", "test") for case in gold.abstrct(part)]
    aligner = trained(HMM(), argument, [])
    sets["abstrct train"] = (gold.abstrct("train"), aligner)
    sets["abstrct dev"] = (gold.abstrct("dev"), aligner)
    spanish = trained(HMM(), gold.xquad("es", "all"), gold.bitext("es"))
    sets["xquad es dev"] = (gold.xquad("es", "dev"), spanish)
    german = trained(HMM(), gold.xquad("de", "all"), _german())
    sets["xquad de dev"] = (gold.xquad("de", "dev"), german)
    sets["pud de dev"] = (gold.pud("de")[:500], german)
    return sets


def _f1(cases: Sequence[gold.Case], aligner: object, spec: Aligned) -> float:
    return measure(cases, project(cases, aligner, spec)).value


TABLES: dict[str, Callable[[str], None]] = {
    "elp": elp_table,
    "absa-links": absa_links,
    "absa": absa,
    "europarl": europarl,
    "abstrct": abstrct,
    "xquad": xquad,
    "pud": pud,
    "speed": speed,
    "ablation": ablation,
}


def main(argv: Sequence[str]) -> None:
    if argv and argv[0] in ELSEWHERE:
        file, *first = ELSEWHERE[argv[0]]
        command = [sys.executable, str(Path(__file__).with_name(file)), *first, *argv[1:]]
        sys.exit(subprocess.run(command, check=False).returncode)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", choices=[*TABLES, *ELSEWHERE])
    parser.add_argument("--split", choices=["train", "dev", "test"], default="test")
    given = parser.parse_args(argv)
    if not gold.DATA.is_dir():
        sys.exit(f"no data in {gold.DATA}: set XLTPIPE_SHARED")
    TABLES[given.table](given.split)


if __name__ == "__main__":
    main(sys.argv[1:])

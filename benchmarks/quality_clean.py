"""False alarms: what the default rules reject of right translations, rule by rule.

    python benchmarks/quality.py clean [--rule NAME]

NTREX (news), FLORES (SIB-200), the Tatoeba tests and XNLI: translations made by people. Nothing
is labelled here, so that rules on labels have nothing to say; faults of the data count as alarms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import quality_data as data
from quality_mafand import scored

from xltpipe.quality import Rules
from xltpipe.quality.duplicates import Duplicates

NTREX = ("spa", "eus", "glg", "cat", "swa", "hau", "yor", "fra", "deu", "por", "slk")
FLORES = ("spa", "eus", "glg", "cat", "swa", "hau", "yor", "fra", "deu", "por")
TATOEBA = ("spa", "eus", "glg", "cat", "swa", "fra", "deu", "por")


def sets(home: Path) -> Iterator[tuple[str, str, list[tuple[str, str]]]]:
    """Name, target language and pairs of each set; English is the source."""
    ntrex = home / "parallel/ntrex"
    english = data.lines(ntrex / "newstest2019-src.eng.txt")
    for lang in NTREX:
        other = data.lines(ntrex / f"newstest2019-ref.{lang}.txt")
        yield "NTREX", lang, list(zip(english, other, strict=True))
    english = _flores(home, "eng")
    for lang in FLORES:
        yield "FLORES", lang, list(zip(english, _flores(home, lang), strict=True))
    for lang in TATOEBA:
        code = "swh" if lang == "swa" else lang
        yield "Tatoeba", lang, data.pairs(home / f"parallel/tatoeba_test/eng-{code}.tsv")


def _flores(home: Path, lang: str) -> list[str]:
    code = "swh" if lang == "swa" else lang
    rows = [
        row.split("\t")
        for part in ("train", "dev", "test")
        for row in data.lines(home / f"nli/sib200/{code}_Latn.{part}.tsv")[1:]
    ]
    return [row[-1] for row in sorted(rows, key=lambda row: int(row[0]))]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = data.parser(__doc__)
    parser.add_argument("--rule", help="show the pairs that this rule rejects")
    options = parser.parse_args(arguments)
    rules = Rules()
    data.signature("clean", "rules:default")
    print("| set | language | pairs | rejected % | by rule, % |\n|---|---|---|---|---|")
    total, alarms, every = 0, 0, dict[str, int]()
    for name, lang, pairs in sets(data.home(options)):
        columns = scored(data.table(pairs, ("eng", lang)), rules, Duplicates(near=False))
        failures = {rule: mask for rule, mask in rules.failures(columns).items() if mask.any()}
        fails = np.any([np.zeros(len(pairs), np.bool_), *failures.values()], axis=0)
        told = ", ".join(f"{rule} {100 * mask.mean():.2f}" for rule, mask in failures.items())
        print(f"| {name} | {lang} | {len(pairs)} | {100 * fails.mean():.2f} | {told} |")
        if options.rule in failures:
            for row in np.flatnonzero(failures[options.rule])[:15]:
                value = columns[options.rule][row]
                print(f"    {value:.3g}: {pairs[row][0][:100]!r} = {pairs[row][1][:100]!r}")
        total, alarms = total + len(pairs), alarms + int(fails.sum())
        for rule, mask in failures.items():
            every[rule] = every.get(rule, 0) + int(mask.sum())
    told = ", ".join(
        f"{rule} {100 * n / total:.2f}" for rule, n in sorted(every.items(), key=lambda i: -i[1])
    )
    print(f"| all | | {total} | {100 * alarms / total:.2f} | {told} |")


if __name__ == "__main__":
    main()

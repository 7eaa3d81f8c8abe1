"""Text and recipes for training the embedded models, out of data that is not in the repository.

python benchmarks/mt_text.py split OUT         # Tatoeba's dev and test, and what is held out
python benchmarks/mt_text.py synthetic OUT     # Apertium with apertium-spa-ita: Galician, …
python benchmarks/mt_text.py embedded OUT      # OUT/embedded.toml, for xltpipe models train
python benchmarks/mt_text.py swahili OUT       # OUT/swahili.toml, from MAFAND and a base model
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from random import Random

import tomli_w
from quality_data import home, lines, parser

from xltpipe.translation import Apertium
from xltpipe.translation.normalisation import Normaliser

BASE = Path(__file__).resolve().parents[1] / "data" / "models" / "en-multi"
"""What trainings go on from."""

_PLAIN = Normaliser(("nfkc", "plain_punctuation"), ())
_WORDS = re.compile(r"[^a-z0-9]+")
_OPENING = re.compile("[¿¡] ?")

WEIGHTS = {
    "openstax": 1.6,
    "programming": 3.0,
    "privacy": 2.0,
    "opensource": 3.0,
    "tico19": 4.0,
    "python": 0.2,
    "msdocs": 0.12,
    "bible": 0.2,
    "mozilla": 0.6,
    "gnome": 0.5,
    "tldr": 0.4,
}
"""How much each source counts: prose more, software text less, as its manifest advises."""

LICENCES = {
    "openstax": "cc-by-4.0",
    "programming": "cc-by-4.0",
    "privacy": "cc-by-sa-4.0",
    "opensource": "cc-by-4.0",
    "tico19": "cc0-1.0",
    "python": "cc0-1.0",
    "msdocs": "cc-by-4.0",
    "bible": "public domain by age",
    "mozilla": "mpl-2.0",
    "gnome": "cc-by-sa-3.0",
    "tldr": "cc-by-4.0",
    "tatoeba": "cc-by-2.0",
    "mafand": "cc-by-3.0 (Global Voices)",
    "wiki": "cc0-1.0 (MLQE-PE, WMT21 critical errors)",
}

FOCUS = {"spa": 2, "fra": 1, "deu": 1, "por": 1.3, "ita": 1.2, "glg": 1.2, "cat": 1.2,
         "eus": 8, "swa": 2}  # fmt: skip
"""How much each language counts, before the temperature: Spanish is 44 % of all draws."""

SYNTHETIC = (
    ("eng", "spa", "news"),
    ("eng", "spa", "wiki"),
    ("spa", "glg", "tatoeba"),
    ("spa", "cat", "tatoeba"),
    ("spa", "por", "tatoeba"),
    ("spa", "ita", "tatoeba"),
)
"""What Apertium writes: source, target, and which text."""


def tatoeba_split(data: Path) -> tuple[list[list[str]], list[list[str]]]:
    """Dev (1,000) and test (2,000) of the first embedded model: English with all its Spanish.

    Split by English sentence, letters and digits only, so that variants stay together.
    """
    groups: dict[str, dict[tuple[str, str], None]] = defaultdict(dict)
    for line in lines(data / "parallel" / "tatoeba.en-es.tsv"):
        fields = line.split("\t")
        if len(fields) < 2:
            continue
        english, spanish = _PLAIN.before(fields[0]), _PLAIN.before(fields[1])
        sizes = sorted((len(english.split()), len(spanish.split())))
        if not sizes[0] or sizes[1] > 60 or (sizes[1] > 6 and sizes[1] > 3.5 * sizes[0]):
            continue
        groups[_WORDS.sub(" ", english.lower()).strip()][english, spanish] = None
    keys = sorted(groups)
    Random(1).shuffle(keys)  # noqa: S311 - the split of the first model
    rows = [
        [next(iter(groups[key]))[0], *dict.fromkeys(spanish for _, spanish in groups[key])]
        for key in keys[:3000]
    ]
    return rows[:1000], rows[1000:]


def split(data: Path, out: Path) -> None:
    for name, rows in zip(("dev", "test"), tatoeba_split(data), strict=True):
        text = "".join("\t".join(row) + "\n" for row in rows)
        (out / f"tatoeba.{name}.tsv").write_text(text, "utf-8")
        print(f"tatoeba.{name}.tsv: {len(rows)} English sentences")


def synthetic(data: Path, out: Path) -> None:
    """English beside Apertium's text: of news, and of the Spanish that people wrote."""
    for source, target, text in SYNTHETIC:
        rows = list(_origin(data, text))
        given = [row[0 if source == "eng" else 1] for row in rows]
        done = Apertium().build(source, target).translate(given, source, target)
        path = out / f"synthetic.{text}.eng-{target}.tsv"
        with path.open("w", encoding="utf-8") as written:
            for (english, _), one in zip(rows, done, strict=True):
                # Apertium keeps the opening marks, which only Spanish has.
                said = one.text if target == "spa" else _OPENING.sub("", one.text)
                if said and "\t" not in said:
                    written.write(f"{english}\t{said}\n")
        print(f"{path.name}: {len(rows)} texts")


def _origin(data: Path, text: str) -> Iterator[tuple[str, str]]:
    """English with what stands beside it; of `wiki` (MLQE-PE, WMT21) only the English counts."""
    files = {
        "news": ["parallel/mafand/en-swa.train.tsv"],
        "tatoeba": ["parallel/tatoeba.en-es.tsv"],
        "wiki": ["qe/mlqe_pe/en-de.train.tsv", "qe/catastrophic/en-de.train.tsv"],
    }[text]
    first = 1 if text == "wiki" else 0  # after a column of numbers
    for line in (line for file in files for line in lines(data / file)):
        fields = [" ".join(field.split()) for field in line.split("\t")]
        if len(fields) >= first + 2 and fields[first] and fields[first + 1]:
            yield fields[first], fields[first + 1]


def _files(data: Path, out: Path) -> list[dict[str, object]]:
    """Every file of pairs, with weight and licence."""
    found: list[dict[str, object]] = [
        _pairs(data / "parallel" / "tatoeba.en-es.tsv.gz", "spa", "tatoeba", 4.0),
        _pairs(data / "parallel" / "mafand" / "en-swa.train.tsv.gz", "swa", "mafand", 1.0),
    ]
    for path in sorted((data / "parallel_docs").glob("en-*/*.tsv.gz")):
        language = path.parent.name.removeprefix("en-")
        kind = next((kind for kind in [*WEIGHTS, "tatoeba"] if kind in path.name), "")
        if language != "ha":
            found.append(_pairs(path, language, kind, WEIGHTS.get(kind, 1.0)))
    for path in sorted(out.glob("synthetic.*.tsv")):
        text = path.name.split(".")[1]
        target = path.name.split(".")[2].removeprefix("eng-")
        kind, weight = {
            "news": ("mafand", 1.6),
            "wiki": ("wiki", 3.0),
            "tatoeba": ("tatoeba", 0.6),
        }[text]
        # Apertium's Spanish is never a source: what people write does not look like it.
        backward = 0.15 if text == "tatoeba" else 0.0
        found.append({**_pairs(path, target, kind, weight), "backward": backward})
    return found


def _pairs(path: Path, target: str, kind: str, weight: float) -> dict[str, object]:
    return {
        "path": str(path),
        "source": "eng",
        "target": target,
        "weight": weight,
        "licence": LICENCES[kind],
    }


def _held_out(data: Path, out: Path) -> list[str]:
    """Test sets of anybody's: none of their sentences is learnt."""
    parallel = data / "parallel"
    found = [out / "tatoeba.dev.tsv", out / "tatoeba.test.tsv"]
    found += sorted(parallel.glob("ntrex/newstest*")) + sorted(parallel.glob("tatoeba_test/*.tsv"))
    found += sorted(p for p in parallel.glob("mafand/*.tsv.gz") if ".train." not in p.name)
    found += sorted((data / "nli" / "sib200").rglob("*.tsv*"))
    return [str(path) for path in found]


def embedded(data: Path, out: Path) -> None:
    _write(
        out / "embedded.toml",
        {
            "name": "embedded",
            "licence": "cc-by-sa-4.0",
            "base": str(BASE),  # leave it out to begin anew
            "held_out": _held_out(data, out),
            "pairs": _files(data, out),
            "dev": [_dev(out / "tatoeba.dev.tsv", "spa")],
            "drawing": {"temperature": 1.4, "focus": FOCUS, "backward": 0.33, "marked": 0.12,
                        "joined": 0.12, "longest": 110},
            "schedule": {"minutes": 150.0, "warmup": 250, "decay": 0.25, "guidance": 0.15},
        },
    )  # fmt: skip


def swahili(data: Path, out: Path) -> None:
    """A user's own model: English to Swahili, from a few thousand pairs and a base."""
    mafand = data / "parallel" / "mafand"
    own = [f for f in _files(data, out) if f["target"] in {"swa", "sw"}]
    _write(
        out / "swahili.toml",
        {
            "name": "en-sw-mafand",
            "licence": "cc-by-sa-4.0",  # as its base
            "base": str(BASE),
            "held_out": _held_out(data, out),
            "pairs": own,
            "dev": [_dev(mafand / "en-swa.dev.tsv.gz", "swa")],
            "drawing": {"backward": 0.2, "marked": 0.15},
            "schedule": {"minutes": 20.0, "warmup": 100, "decay": 0.5, "rate": 1e-3,
                         "matrix_rate": 0.01, "evaluate_minutes": 5.0},
        },
    )  # fmt: skip


def _dev(path: Path, target: str) -> dict[str, object]:
    return {"path": str(path), "source": "eng", "target": target}


def _write(path: Path, recipe: dict[str, object]) -> None:
    path.write_text(tomli_w.dumps(recipe), "utf-8")
    print(f"{path}: next, xltpipe models train {path}")


def main() -> None:
    options_of: argparse.ArgumentParser = parser(__doc__)
    known = {"split": split, "synthetic": synthetic, "embedded": embedded, "swahili": swahili}
    options_of.add_argument("what", choices=known)
    options_of.add_argument("out", type=Path, help="folder to write to")
    options = options_of.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    known[options.what](home(options), options.out.absolute())


if __name__ == "__main__":
    sys.exit(main())

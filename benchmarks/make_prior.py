"""Make data/models/en-es-tatoeba-hmm, the stored HMM for English and Spanish, from Tatoeba.

    python benchmarks/make_prior.py

Reads parallel/tatoeba.en-es.tsv.gz (118,964 pairs) under XLTPIPE_SHARED (default ../shared).
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from xltpipe.alignment import HMM
from xltpipe.alignment.priors import FILE
from xltpipe.checksums import write_checksums

ROOT = Path(__file__).resolve().parents[1]
TEXT = Path(os.environ.get("XLTPIPE_SHARED", ROOT.parent / "shared"), "data/parallel")
HOME = ROOT / "data" / "models" / "en-es-tatoeba-hmm"

CARD = """\
---
language: [en, es]
license: cc-by-2.0
---
# en-es-tatoeba-hmm: word counts of an English-Spanish HMM aligner

* **Use**: prior for aligning small English-Spanish corpora in either direction
  (`aligner = {{kind = "hmm", prior = "data/models/en-es-tatoeba-hmm"}}`; `auto` finds it itself).
* **Model**: expected link counts of {pairs:,} word pairs ({source:,} English, {target:,} Spanish
  normalised words) and jump distributions; HMM (Vogel et al., 1996) trained by agreement
  (Liang et al., 2006). {size:.1f} MB. No text can be read back from it but single words.
* **Data**: {used:,} of the Tatoeba English-Spanish pairs packaged by manythings.org/anki
  (2018-05-13). CC BY 2.0: made by the contributors of tatoeba.org, packaged by manythings.org.
  This file of counts is a derived work under the same licence.
* **Made by** `python benchmarks/make_prior.py` in seconds; bytes are the same each time.
* **Limits**: short everyday sentences; names and terms come from your own text or from likeness.
"""


def main() -> None:
    start = time.perf_counter()
    # stems=0: what kin lend is worked out anew from the counts of the run and of the prior together
    spec = HMM(extra=(TEXT / "tatoeba.en-es.tsv.gz",), max_pairs=200_000, stems=0)
    spec.train([], HOME)
    seconds = time.perf_counter() - start
    (HOME / FILE).write_text('{"source": "eng", "target": "spa"}\n', "utf-8")
    words = json.loads((HOME / "vocabulary.json").read_bytes())
    settings = json.loads((HOME / "settings.json").read_bytes())
    card = CARD.format(
        pairs=settings["notes"]["kept"],
        source=len(words["source"]),
        target=len(words["target"]),
        used=settings["notes"]["used"],
        size=sum(file.stat().st_size for file in HOME.iterdir()) / 1e6,
    )
    (HOME / "MODEL_CARD.md").write_text(card, "utf-8")
    write_checksums(HOME)
    print(f"{HOME} made in {seconds:.0f} s")


if __name__ == "__main__":
    main()

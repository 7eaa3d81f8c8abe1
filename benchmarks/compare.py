"""A matrix of 3 languages x 3 strategies x 2 projectors x 3 seeds: time, steps, kill -9 and resume.

    python benchmarks/compare.py [--rows 300] [--tests 150] [--kill 20] [--at-once 1] [--work DIR]

English NER (WikiNEuRal) into Spanish, Portuguese and Swahili by the embedded en-multi model; a CRF
on 80 % of the rows per seed; scored on WikiNEuRal, UNER Bosque and MasakhaNER 2. The comparison
is killed after `--kill` recorded cells and taken up again; then once more with nothing to do.
Artefacts are counted on the disk: none may be built twice.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gold import ROOT

DATA = ROOT.parent / "shared/data/ner"
TESTS = {
    "spa": ("wikineural", "conll", "wikineural/es.test.conllu.gz"),
    "por": ("bosque", "iob2", "uner/pt_bosque-ud-test.iob2.gz"),
    "swa": ("masakhaner", "conll", "masakhaner2/swa.test.txt.gz"),
}
RECIPE = """\
name = "matrix"
targets = ["spa", "por", "swa"]
labels = ["PER", "ORG", "LOC"]
shard_rows = 100
{tests}
[train]
kind = "conll"
path = "{data}/wikineural/en.val.conllu.gz"
limit = {rows}
[translation]
kind = "ctranslate2"
model = "en-multi"
[training]
kind = "crf"
[matrix]
strategies = ["zero_shot", "translate_train", "translate_test"]
seeds = [1, 2, 3]
subsample = 0.8
baseline = "zero_shot"
at_once = {at_once}
[[matrix.projections]]
name = "aligned"
projection = {{ kind = "aligned" }}
[[matrix.projections]]
name = "attention"
projection = {{ kind = "aligned", aligner = {{ kind = "attention" }} }}
"""
TEST = """
[[tests]]
name = "{name}"
lang = "{lang}"
data = {{ kind = "{kind}", path = "{data}/{path}", limit = {limit} }}
"""


def write(file: Path, data: Path, rows: int, tests: int, at_once: int) -> None:
    listed = "".join(
        TEST.format(name=name, lang=lang, kind=kind, data=data, path=path, limit=tests)
        for lang, (name, kind, path) in TESTS.items()
    )
    text = RECIPE.format(tests=listed, data=data, rows=rows, at_once=at_once)
    file.write_text(text, encoding="utf-8")


def start(file: Path, data: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", "from xltpipe.cli import main; main()", "compare", str(file)],
        cwd=ROOT,
        env=os.environ | {"XLTPIPE_DATA": str(data)},
    )


def artefacts(data: Path) -> dict[str, int]:
    """Every manifest and when it was written: one that is written again shows."""
    found = (data / "store").glob("*/??/*/manifest.json")
    return {path.parent.name: path.stat().st_mtime_ns for path in found}


def recorded(data: Path) -> int:
    count = 0
    for path in (data / "store" / "runs").glob("*.json"):
        count += json.loads(path.read_bytes())["state"] == "completed"
    return count


def killed(file: Path, data: Path, cells: int) -> float:
    """Kill the comparison when so many cells are recorded; the seconds until then."""
    began = time.monotonic()
    process = start(file, data)
    while recorded(data) < cells and process.poll() is None:
        time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return time.monotonic() - began


def whole(file: Path, data: Path) -> float:
    began = time.monotonic()
    if start(file, data).wait():
        raise SystemExit("the comparison failed")
    return time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--tests", type=int, default=150)
    parser.add_argument("--kill", type=int, default=20)
    parser.add_argument("--at-once", type=int, default=1, help="cells side by side")
    parser.add_argument("--work", type=Path, default=None)
    options = parser.parse_args()
    work = options.work or Path(tempfile.mkdtemp(prefix="compare-"))
    work.mkdir(parents=True, exist_ok=True)
    file, data = work / "matrix.toml", work / "data"
    write(file, options.data, options.rows, options.tests, options.at_once)
    until = killed(file, data, options.kill)
    cells, before = recorded(data), artefacts(data)
    print(f"# killed after {until:.0f} s: {cells} cells, {len(before)} artefacts", flush=True)
    rest = whole(file, data)
    after = artefacts(data)
    again = sum(after.get(key) != stamp for key, stamp in before.items())
    print(
        f"# resumed: {rest:.0f} s, {recorded(data) - cells} cells, {len(after) - len(before)} new"
    )
    print(f"# artefacts built again: {again}", flush=True)
    nothing = whole(file, data)
    same = artefacts(data) == after
    print(f"# once more: {nothing:.0f} s, nothing new: {same}")
    print(f"# together {until + rest:.0f} s")


if __name__ == "__main__":
    main()

"""A stand-in for unbabel-comet in an environment of its own: what its 2.2.7 offers and we use.

It scores by rule. The real package was run once with small random models (docs/findings.md).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

COMET = """
import json, os, sys
from types import SimpleNamespace as Namespace

def download_model(model, saving_directory=None, local_files_only=False):
    raise KeyError(f"Model '{model}' not supported by COMET.")

class Tokenizer:
    def __call__(self, texts, verbose=True):
        return {"input_ids": [[0, *text.encode(), 2] for text in texts]}

class Model:
    def __init__(self, rules):
        self.rules, self.calls = rules, 0
        self.encoder = Namespace(max_positions=22, size_separator=2, tokenizer=Tokenizer())
        self.hparams = Namespace(**rules.get("hparams", {}))

    def requires_references(self):
        return self.rules.get("requires_references", False)

    def eval(self):
        return self

    def predict(self, samples, batch_size=16, gpus=1, progress_bar=True, num_workers=None):
        print("GPU available: False")
        if any("die" in s["src"] for s in samples):
            print("Killed for memory", file=sys.stderr, flush=True)
            os._exit(9)
        if any("raise" in s["src"] for s in samples):
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")
        scores = [1 - abs(len(s["src"]) - len(s["mt"])) / 100 for s in samples]
        nan = [float("nan") if "nan" in s["src"] else x for s, x in zip(samples, scores)]
        return {"scores": nan, "system_score": 0.0}

def load_from_checkpoint(checkpoint_path, local_files_only=False):
    print("Encoder model frozen.")
    with open(checkpoint_path) as file:
        return Model(json.load(file))
"""

TORCH = """
class cuda:
    @staticmethod
    def is_available():
        return False
"""


def environment(home: Path) -> str:
    """Make one without pip and give its interpreter."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    (packages,) = home.glob("lib/python*/site-packages")
    (packages / "comet.py").write_text(COMET, encoding="utf-8")
    (packages / "torch.py").write_text(TORCH, encoding="utf-8")
    told = packages / "unbabel_comet-2.2.7.dist-info"
    told.mkdir()
    (told / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: unbabel-comet\nVersion: 2.2.7\n", encoding="utf-8"
    )
    return str(home / "bin" / "python")


def checkpoint(home: Path, rules: str = "{}") -> str:
    """A folder as COMET's models are laid out; the stand-in reads its rules from the checkpoint."""
    (home / "checkpoints").mkdir(parents=True)
    (home / "checkpoints" / "model.ckpt").write_text(rules, encoding="utf-8")
    (home / "hparams.yaml").write_text("class_identifier: stand_in\n", encoding="utf-8")
    return str(home)

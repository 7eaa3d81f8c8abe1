"""A small world in three made-up tongues: enough to learn from in seconds, too big to learn by heart."""

from __future__ import annotations

import random
from pathlib import Path

WORDS = (
    ("dog", "perro", "cão"), ("cat", "gato", "bichano"), ("bird", "ave", "pássaro"),
    ("house", "casa", "moradia"), ("river", "río", "ribeira"), ("book", "libro", "livro"),
    ("sees", "ve", "olha"), ("wants", "quiere", "deseja"), ("finds", "halla", "encontra"),
    ("red", "rojo", "vermelho"), ("big", "grande", "enorme"), ("old", "viejo", "idoso"),
)  # fmt: skip
NAMES = ("Anna", "Omar", "Kenji", "Lucia", "Bruno", "Wanjiru", "Priya", "Tunde")


def sentence(draw: random.Random) -> tuple[str, str, str]:
    """The same sentence in English, in a Spanish and in a Portuguese of sorts; adjectives follow."""
    noun, verb, adjective = (
        draw.choice(WORDS[start:end]) for start, end in ((0, 6), (6, 9), (9, 12))
    )
    name = draw.choice(NAMES)
    return (
        f"{name} {verb[0]} the {adjective[0]} {noun[0]}.",
        f"{name} {verb[1]} el {noun[1]} {adjective[1]}.",
        f"{name} {verb[2]} o {noun[2]} {adjective[2]}.",
    )


def write_text(home: Path, rows: int, seed: int = 1) -> None:
    """train.eng-spa.tsv, train.eng-por.tsv and dev files of other sentences."""
    draw = random.Random(seed)
    made = list(dict.fromkeys(sentence(draw) for _ in range(4 * rows)))
    dev, train = made[:20], made[20 : 20 + rows]
    for name, part in (("train", train), ("dev", dev)):
        for place, code in ((1, "spa"), (2, "por")):
            lines = [f"{row[0]}\t{row[place]}\n" for row in part]
            (home / f"{name}.eng-{code}.tsv").write_text("".join(lines), "utf-8")


RECIPE = """\
name = "toy"
licence = "cc0-1.0"
seed = 3
held_out = ["dev.eng-por.tsv"]
zero_shot = true

[[pairs]]
path = "train.eng-spa.tsv"
source = "eng"
target = "spa"
licence = "cc0-1.0"

[[pairs]]
path = "train.eng-por.tsv"
source = "eng"
target = "por"
weight = 2.0

[[dev]]
path = "dev.eng-spa.tsv"
source = "eng"
target = "spa"

[[dev]]
path = "dev.eng-por.tsv"
source = "eng"
target = "por"

[vocabulary]
size = 500

[network]
width = 64
heads = 2
inner = 128
encoder_layers = 2
decoder_layers = 1
positions = 64

[drawing]
marked = 0.3
joined = 0.0

[schedule]
minutes = {minutes}
tokens = {tokens}
warmup = 20
rate = 2e-3
matrix_rate = 0.02
step_tokens = 256
batch_tokens = 128
evaluate_minutes = {evaluate}
save_minutes = {save}
average = 1
"""


def write_recipe(
    home: Path, *, minutes: float = 5, tokens: int = 60_000, evaluate: float = 5, save: float = 2
) -> Path:
    path = home / "toy.toml"
    said = RECIPE.format(minutes=minutes, tokens=tokens, evaluate=evaluate, save=save)
    path.write_text(said, "utf-8")
    return path

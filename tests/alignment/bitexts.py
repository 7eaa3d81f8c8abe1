"""Small bitexts that several tests align."""

from xltpipe.text import tokenise

_NOUNS = {"house": "casa", "table": "mesa", "street": "calle", "church": "iglesia"}
_COLOURS = {"red": "roja", "white": "blanca", "black": "negra"}
_VERBS = {"sees": "ve", "paints": "pinta", "buys": "compra"}
_ARTICLES = {"the": "la", "a": "una", "my": "mi"}
_NAMES = ("Ana", "Pedro", "Okafor")

TOY = [
    (
        tokenise(f"{name} {verb} {article} {colour} {noun}{end}"),
        tokenise(f"{name} {ver} {articulo} {cosa} {color}{end}"),
    )
    for name, end in zip(_NAMES, ".!?", strict=True)
    for verb, ver in _VERBS.items()
    for article, articulo in _ARTICLES.items()
    for colour, color in _COLOURS.items()
    for noun, cosa in _NOUNS.items()
]
"""Adjectives swap places with nouns, so that a diagonal is not enough."""

TOY_LINKS = {(0, 0), (1, 1), (2, 2), (3, 4), (4, 3), (5, 5)}

SCRIPTS = [
    ("My name is Sarah.", "اسمي سارة."),
    ("I live in 東京 🗼", "私は東京に住んでいます 🗼"),
    ("Namaste, world!", "नमस्ते, दुनिया!"),
    ("👩‍👩‍👧 love", "amor 👩‍👩‍👧"),
    ("¿Qué?", "What?"),
    ("", "Hola"),
    ("Hello", ""),
    ("", ""),
    ("...", "…"),
]
SCRIPT_PAIRS = [(tokenise(source), tokenise(target)) for source, target in SCRIPTS]

"""What our source must not do, found in its syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PICKLES = frozenset(
    {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "shelve", "marshal", "joblib"}
)
RUNS = frozenset({"eval", "exec", "compile", "__import__"})
"""Builtins that run a text."""


def faults(source: str) -> list[str]:
    """Each forbidden thing in a module, with its line."""
    return [f"{node.lineno}: {what}" for node, what in _found(ast.parse(source))]


def of_tree(folder: Path) -> list[str]:
    return [
        f"{path.relative_to(folder.parent)}:{fault}"
        for path in sorted(folder.rglob("*.py"))
        for fault in faults(path.read_text(encoding="utf-8"))
    ]


def _found(tree: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                if name.name.split(".")[0] in PICKLES:
                    yield node, f"import {name.name}"
        elif isinstance(node, ast.ImportFrom):
            # the name of an error to be caught runs nothing
            names = {n.name for n in node.names} - {"UnpicklingError"}
            if (node.module or "").split(".")[0] in PICKLES and names:
                yield node, f"from {node.module} import {', '.join(sorted(names))}"
        elif isinstance(node, ast.Call):
            what = _call(node)
            if what is not None:
                yield node, what


def _call(node: ast.Call) -> str | None:
    name = ast.unparse(node.func)
    last = name.rpartition(".")[2]
    said = {k.arg: k.value for k in node.keywords if k.arg}
    if name in RUNS:
        return f"{name}()"
    if name in {"os.system", "os.popen", "torch.save", "tempfile.mktemp"} or last in {
        "read_pickle",
        "to_pickle",
    }:
        return f"{name}()"
    if name.startswith("yaml.") and last in {"load", "load_all", "unsafe_load", "full_load"}:
        return f"{name}(), which can make any object"
    wanted = {
        "torch.load": ("weights_only", True),
        "np.load": ("allow_pickle", False),
        "numpy.load": ("allow_pickle", False),
    }.get(name)
    if last in {"from_pretrained", "LLM"} or name.endswith('"LLM")'):
        wanted = ("trust_remote_code", False)
    if wanted is not None and not _is(said.get(wanted[0]), constant=wanted[1]):
        return f"{name}() without {wanted[0]}={wanted[1]}"
    for key in ("trust_remote_code", "shell"):
        if key in said and not _is(said[key], constant=False):
            return f"{name}() with {key}"
    return None


def _is(node: ast.expr | None, *, constant: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is constant

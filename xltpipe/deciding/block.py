"""The block of TOML that a person pastes into a recipe; nothing here edits one."""

from __future__ import annotations

from collections.abc import Mapping

from xltpipe.quality.column import Limits


def block(
    title: str,
    rules: Mapping[str, Limits],
    notes: Mapping[str, str],
    model: str = "",
    *,
    written: bool = True,
) -> str:
    """TOML with `title` as a comment, the rules with a note each, and the model file's name.

    Where the model is not `written`, the block says so.
    """
    lines = [f"# {line}" for line in title.split("\n")]
    if model:
        name = model.replace("\\", "\\\\").replace('"', '\\"')
        lacking = "" if written else "  # not written yet"
        lines += ["[quality]", f'combined = {{ model = "{name}" }}{lacking}', ""]
    lines += ["# TOML allows [rules] once: add these lines to your own", "[rules]"]
    for column, limits in rules.items():
        edges = [
            f"{edge} = {value!r}"
            for edge, value in (("min", limits.min), ("max", limits.max))
            if value is not None
        ]
        note = f"  # {notes[column]}" if column in notes else ""
        lines.append(f"{column} = {{ {', '.join(edges)} }}{note}")
    return "\n".join(lines) + "\n"

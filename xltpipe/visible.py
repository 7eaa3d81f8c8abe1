"""Visible: control characters as their pictures, so that no text steers a terminal or a page."""

from __future__ import annotations

# One character for one, so that offsets stay; tab and line feed are left to whoever shows them.
_PICTURES = {c: 0x2400 + c for c in range(0x20) if chr(c) not in "\t\n"} | {0x7F: 0x2421}
_PICTURES |= dict.fromkeys(range(0x80, 0xA0), 0xFFFD)  # C1: some terminals obey these too
_PICTURES |= dict.fromkeys((0x202D, 0x202E), 0xFFFD)  # overrides: letters in another order


def visible(text: str) -> str:
    """The text with every control character shown instead of obeyed."""
    return text.translate(_PICTURES)

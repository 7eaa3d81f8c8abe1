"""Visible: control characters as their pictures (see `xltpipe.visible`)."""

from xltpipe.visible import visible

__all__ = ["visible"]

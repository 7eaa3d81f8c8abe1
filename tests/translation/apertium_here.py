"""Whether Apertium and a pair are installed here: tests that need one skip with what to install."""

from __future__ import annotations

import pytest

from xltpipe.errors import MissingExtraError
from xltpipe.translation import Apertium


def need(*pairs: str) -> pytest.MarkDecorator:
    """Skip unless all these pairs (`spa-glg`) are installed."""
    missing = ""
    for pair in pairs:
        try:
            Apertium().build(*pair.split("-"))
        except MissingExtraError as error:
            missing = str(error)
    return pytest.mark.skipif(bool(missing), reason=missing)

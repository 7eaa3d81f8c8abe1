"""A guess at one text's language between two, where there is no corpus to score."""

from __future__ import annotations

import numpy as np

from xltpipe.languages import resolve
from xltpipe.quality.language_py3langid import Py3LangId
from xltpipe.quality.language_text import Texts


def rather(text: str, language: str, other: str) -> bool | None:
    """Whether the text is rather in a language than in another, by py3langid.

    None where it does not know one of them, or is told that they are the same.
    """
    one, two = resolve(language).id, resolve(other).id
    identifier = Py3LangId()
    if one == two or not (identifier.knows(one) and identifier.knows(two)):
        return None
    data = text.encode()
    asked = Texts(data, np.array([0], np.int64), np.array([len(data)], np.int64))
    found = identifier.opinions(asked, one, two)
    return bool(found.ours[0] > found.theirs[0])

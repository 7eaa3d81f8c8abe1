"""Terms: a licence's id as the Hugging Face hub spells it, and what the licence asks.

Ids from the hub's documentation (Licenses, "Full list of the available licenses"). What is said
of a licence here is read off its name; it is no legal advice and the licence's text decides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

NOT_STATED = "not stated"
OTHER = "other"
_IDS = """
apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0
bigcode-openrail-m afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause
bsd-3-clause-clear c-uda cc cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0
cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0
cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0
cdla-permissive-1.0 cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1
eupl-1.2 agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 isc h-research
intel-research lppl-1.3c ms-pl apple-ascl apple-amlr mpl-2.0 odc-by odbl openmdw-1.0
openrail++ osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib pddl lgpl-lr
deepfloyd-if-license fair-noncommercial-research-license llama2 llama3 llama3.1 llama3.2
llama3.3 llama4 grok2-community gemma unknown other
"""
_KNOWN = frozenset(_IDS.split())
_RESEARCH = {"c-uda", "h-research", "intel-research", "deepfloyd-if-license", "apple-amlr"}
_SHARED = {"cdla-sharing-1.0", "gfdl", "odbl", "osl-3.0"}
_WORDS = (
    (r"creative\s*commons", "cc"),
    (r"non[\s-]*commercial", "nc"),
    (r"share[\s-]*alike", "sa"),
    (r"no[\s-]*deriv(ative)?s?(\s+works)?", "nd"),
    (r"attribution", "by"),
    (r"(?<=gnu )lesser general public", "lgpl"),
    (r"(?<=gnu )affero general public", "agpl"),
    (r"(?<=gnu )general public", "gpl"),
    (r"\bv(?:ersion)?\.?\s*(?=\d)", " "),
)
_CLOSED = re.compile(
    r"no[\s-]*redistribut|not\s+((be|for)\s+)?(re)?distribut|proprietary|all\s+rights\s+reserved"
    r"|confidential|\bldc\b|internal\s+use"
)
_NONCOMMERCIAL = re.compile(
    r"non[\s-]*commercial|\bnc\b|(research|academic|evaluation)([\s-]+\w+)?[\s-]+only"
)


@dataclass(frozen=True, slots=True)
class Terms:
    """A licence: its ids on the hub ("other" if it has none there), its name, and what it asks.

    `closed` licences forbid to pass the work on; `attribution` asks to name the authors.
    """

    ids: tuple[str, ...]
    name: str
    attribution: bool = False
    noncommercial: bool = False
    sharealike: bool = False
    noderivatives: bool = False
    closed: bool = False


def terms(text: str) -> Terms:
    """What a licence's name, id, or Creative Commons address says; "a and b" is asked for both."""
    several = [one for one in re.split(r"\s+and\s+|\s*[;,+]\s+", text.strip()) if one]
    if len(several) > 1 and all(_id(one) in _KNOWN - {OTHER} for one in several):
        found = [terms(one) for one in several]
        flags = ("attribution", "noncommercial", "sharealike", "noderivatives", "closed")
        return Terms(
            tuple(dict.fromkeys(i for one in found for i in one.ids)),
            " and ".join(one.name for one in found),
            **{flag: any(getattr(one, flag) for one in found) for flag in flags},
        )
    known = _id(text)
    creative = _creative(text)
    parts = set(creative.split("-")) if creative else set()
    noncommercial = "nc" in parts or known in _RESEARCH or "noncommercial" in known
    closed, more = bool(_CLOSED.search(text.lower())), bool(_NONCOMMERCIAL.search(text.lower()))
    # "MIT, for research only" is not the MIT licence that the hub knows
    added = closed or (more and not noncommercial)
    return Terms(
        (OTHER if added else known,),
        _name(OTHER, None, text) if added else _name(known, creative, text),
        attribution="by" in parts or known == "odc-by",
        noncommercial=noncommercial or more,
        sharealike="sa" in parts or known in _SHARED or re.match("a?gpl", known) is not None,
        noderivatives="nd" in parts,
        closed=closed,
    )


def _id(text: str) -> str:
    plain = " ".join(text.lower().split())
    slug = plain.replace(" ", "-").replace("_", "-")
    if slug in _KNOWN:
        return slug
    creative = _creative(text)
    if creative is not None:
        return creative if creative in _KNOWN else OTHER
    words = re.findall(r"[a-z]+(?=[\s\-_.,\d]|$)|\d+(?:\.\d+)*", _spelt(plain))
    number = next((w for w in words if w[0].isdigit()), "")
    for name in ("apache", "mit", "agpl", "lgpl", "gpl", "mpl", "eupl", "odbl", "unlicense"):
        if name in words:
            tried = (name, f"{name}-{number}", f"{name}-{number}.0")
            found = [one for one in tried if one in _KNOWN]
            return found[-1] if found else OTHER
    return OTHER


def _spelt(plain: str) -> str:
    for pattern, short in _WORDS:
        plain = re.sub(pattern, short, plain)
    return plain


def _creative(text: str) -> str | None:
    """The id of a Creative Commons licence, though the hub may not list its version."""
    plain = text.lower().strip()
    address = re.search(r"creativecommons\.org/(licenses|publicdomain)/([a-z-]+)/(\d\.\d)", plain)
    if address is not None:
        kind = "cc0" if address[1] == "publicdomain" else f"cc-{address[2]}"
        return f"{kind}-{address[3]}"
    words = re.findall(r"[a-z]+|\d\.\d", _spelt(plain.replace("cc0", "cc zero")))
    if "zero" in words and "cc" in words:
        return "cc0-1.0"
    asked = [word for word in ("by", "nc", "nd", "sa") if word in words]
    if "cc" not in words or "by" not in asked:
        return None
    if "nc" in asked and "sa" in asked:  # never together with nd; the hub's order
        asked = ["by", "nc", "sa"]
    number = next((w for w in words if w[0].isdigit()), None)
    return "-".join(["cc", *asked, *([number] if number else [])])


def _name(known: str, creative: str | None, text: str) -> str:
    """Creative Commons as they write themselves (CC BY-NC 4.0), others as their id or as given."""
    if creative is None:
        return known if known != OTHER else " ".join(text.split())
    if creative == "cc0-1.0":
        return "CC0 1.0"
    _, *asked = creative.split("-")
    version = asked.pop() if asked[-1][0].isdigit() else ""
    return " ".join(["CC", "-".join(asked).upper(), version]).strip()

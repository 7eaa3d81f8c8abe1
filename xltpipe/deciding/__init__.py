"""Deciding: what rules would drop, counted from stored scores, and thresholds worth a try.

Nothing here scores a row again but `suggest` by synthetic faults, which scores those it makes.
"""

from __future__ import annotations

from xltpipe.deciding.effects import Effects, Part, RuleEffect, effects
from xltpipe.deciding.rules import Decision, decision

__all__ = ["Decision", "Effects", "Part", "RuleEffect", "decision", "effects"]

"""Every parser that reads what others wrote."""

from __future__ import annotations

from tests.fuzz import targets_answers, targets_data, targets_settings

TARGETS = [*targets_data.TARGETS, *targets_answers.TARGETS, *targets_settings.TARGETS]

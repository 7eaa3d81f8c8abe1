"""A run that crashes again and again ends with advice; one from a terminal asks nobody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest

from tasks import launched
from xltpipe.errors import RecipeError

TITLE = "quickstart-0a1b2c3d eng→spa: corpus"


@dataclass
class Run:
    """A flow run as the client reads it, and the client, too."""

    run_count: int
    name: str = "quickstart limit 12"
    id: UUID = field(default_factory=uuid4)

    def read_flow_run(self, id: UUID) -> Run:
        assert id == self.id
        return self

    def update_flow_run(self, id: UUID, name: str) -> None:
        assert id == self.id
        self.name = name


def on_server(monkeypatch: pytest.MonkeyPatch, run: Run) -> Run:
    @contextmanager
    def get_client(*, sync_client: bool) -> Iterator[Run]:
        assert sync_client
        yield run

    monkeypatch.setenv(launched.STARTED, str(run.id))
    monkeypatch.setattr(launched, "get_client", get_client)
    return run


def test_the_sixth_start_fails_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    run = on_server(monkeypatch, Run(launched.ATTEMPTS + 1))
    with pytest.raises(RecipeError, match=r"was: start 6 of at most 5; look for .* on the shelf"):
        launched.begin(TITLE)
    assert run.name == "quickstart limit 12"


def test_a_run_is_named_after_what_it_does_once(monkeypatch: pytest.MonkeyPatch) -> None:
    run = on_server(monkeypatch, Run(launched.ATTEMPTS))
    launched.begin(TITLE)
    launched.begin(TITLE)
    assert run.name == "quickstart limit 12 (quickstart-0a1b2c3d eng→spa: corpus)"


def test_a_run_from_a_terminal_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    run = on_server(monkeypatch, Run(99))
    monkeypatch.delenv(launched.STARTED)
    launched.begin(TITLE)
    assert run.name == "quickstart limit 12"

"""Property tests draw the same examples each time; HYPOTHESIS_PROFILE=search looks for new ones.

A run of the suite then says the same about the same code. Search before a release and after a
change to readers or projectors: it found a CoNLL file whose tokens all begin with `#`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import hypothesis
import pytest

hypothesis.settings.register_profile("steady", derandomize=True)
hypothesis.settings.register_profile("search", max_examples=500, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


@pytest.fixture(autouse=True)
def _records_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefect, once a test has used it, keeps our loggers' records to itself: `caplog` gets none."""
    monkeypatch.setattr(logging.getLogger("xltpipe"), "propagate", True)


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of a bucket in a server that speaks S3."""
    from tests.s3_server import new_bucket, s3_server  # heavy: only some tests ask for it

    with s3_server():
        yield new_bucket()


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Prefect server, with the runs of other tests on it, too."""
    from tests.real_run import server

    with server(tmp_path_factory.mktemp("prefect")) as url:
        yield url


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """PyTorch with one thread: tiny networks are no faster with more, and sums come out the same."""
    import torch  # heavy: only some tests ask for it

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)

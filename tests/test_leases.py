"""One builder per key among processes that share nothing but a bucket."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from xltpipe import progress
from xltpipe.bucket import Bucket
from xltpipe.leases import FOLDER, Leases

HOLDER = """
import sys, time
from xltpipe.bucket import Bucket
from xltpipe.leases import Leases
with Leases(Bucket(sys.argv[1])).held("key"):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture(params=["file", "s3"])
def bucket(request: pytest.FixtureRequest, tmp_path: Path) -> Bucket:
    if request.param == "file":
        return Bucket(f"file://{tmp_path}/bucket")
    return Bucket(f"{request.getfixturevalue('s3')}/{tmp_path.name}")


def foreign(bucket: Bucket, beat: int = 0, term: int = 1) -> None:
    """A lease of a process on another machine."""
    body = {"holder": "other", "host": "other/1/2", "process": 1, "beat": beat}
    bucket.write(f"{FOLDER}/key/{term}", json.dumps(body).encode())


def test_one_at_a_time(bucket: Bucket) -> None:
    inside, most, lock = [0], [0], threading.Lock()

    def work() -> None:
        with Leases(bucket).held("key"):
            with lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            time.sleep(0.05)
            with lock:
                inside[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert most == [1]
    assert bucket.sizes(FOLDER) == {}


def test_keys_do_not_wait_for_each_other(bucket: Bucket) -> None:
    leases = Leases(bucket)
    with leases.held("one"), leases.held("other"):
        assert len(bucket.sizes(FOLDER)) == 2


def test_a_lease_that_is_renewed_is_respected(bucket: Bucket) -> None:
    """Longer than its term: only renewal can keep it."""
    order: list[str] = []

    def wait() -> None:
        with Leases(bucket, term=0.6).held("key"):
            order.append("second")

    with Leases(bucket, term=0.6).held("key"):
        waiter = threading.Thread(target=wait)
        waiter.start()
        time.sleep(2)
        order.append("first")
    waiter.join(60)
    assert order == ["first", "second"]


def test_a_silent_holder_loses_its_lease_after_the_term(bucket: Bucket) -> None:
    foreign(bucket)
    began = time.monotonic()
    with Leases(bucket, term=0.7).held("key"):
        assert time.monotonic() - began > 0.7
    assert bucket.sizes(FOLDER) == {}  # the lost term went with ours


def test_a_killed_process_of_this_machine_is_known_at_once(tmp_path: Path) -> None:
    address = f"file://{tmp_path}/bucket"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, address], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    began = time.monotonic()
    with Leases(Bucket(address), term=60).held("key"):
        assert time.monotonic() - began < 10


def test_who_lost_the_lease_does_not_take_it_from_the_next(bucket: Bucket) -> None:
    """A holder that was stopped for longer than its term wakes up."""
    first = Leases(bucket, term=3600).held("key")
    first.__enter__()
    foreign(bucket, term=2)  # as another machine took over
    first.__exit__(None, None, None)
    assert set(bucket.sizes(FOLDER)) == {"key/2"}


def test_a_lease_that_is_no_json_is_waited_out(bucket: Bucket) -> None:
    bucket.write(f"{FOLDER}/key/1", b"")
    with Leases(bucket, term=0.2).held("key"):
        pass


def test_waiting_ends_when_the_run_is_stopped(bucket: Bucket) -> None:
    foreign(bucket)
    progress.stop()
    try:
        with pytest.raises(progress.Stopped), Leases(bucket).held("key"):
            pass
    finally:
        progress.resume()

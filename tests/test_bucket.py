"""Objects by name, on a folder and on a server of the S3 protocol alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.s3_server import SECRET
from xltpipe.bucket import Bucket
from xltpipe.errors import DataError


@pytest.fixture(params=["file", "s3"])
def bucket(request: pytest.FixtureRequest, tmp_path: Path) -> Bucket:
    if request.param == "file":
        found = Bucket(f"file://{tmp_path}/it's a bucket")
    else:
        found = Bucket(f"{request.getfixturevalue('s3')}/{tmp_path.name}")
    found.check()
    return found


def test_what_is_written_is_read_and_what_is_not_there_is_none(bucket: Bucket) -> None:
    bucket.write("a/b", b"one")
    bucket.write("a/b", b"other")
    assert bucket.read("a/b") == b"other"
    assert bucket.read("a/c") is None
    assert bucket.read("a") is None


def test_an_object_is_created_once(bucket: Bucket) -> None:
    assert bucket.create("lease", b"mine")
    assert not bucket.create("lease", b"yours")
    assert bucket.read("lease") == b"mine"


def test_files_come_and_go(bucket: Bucket, tmp_path: Path) -> None:
    (tmp_path / "here").write_bytes(b"x" * 300_000)
    bucket.put(tmp_path / "here", "deep/er/file")
    bucket.copy("deep/er/file", "copy")
    bucket.get("copy", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == (tmp_path / "here").read_bytes()
    with pytest.raises(FileNotFoundError):
        bucket.get("nothing", tmp_path / "none")


def test_a_listing_tells_sizes_and_changes(bucket: Bucket) -> None:
    assert bucket.sizes("some") == {}
    bucket.write("some/a", b"12345")
    bucket.write("some/in/b", b"1")
    bucket.write("something", b"else")
    assert bucket.sizes("some") == {"a": 5, "in/b": 1}
    before = bucket.listed("some")
    bucket.write("some/a", b"54321")
    after = bucket.listed("some")
    assert {name for name in after if after[name] != before[name]} == {"a"}


def test_removing_what_is_gone_is_no_fault(bucket: Bucket) -> None:
    bucket.write("x", b"")
    bucket.remove(["x", "x", "y"])
    assert bucket.read("x") is None


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("ftp://host/x", r"must lie at one of file://, s3://, gs://"),
        ("s3://key:secret@bucket/x", "must not carry credentials"),
        ("s3://bucket/x?secret=1", "must not carry credentials"),
        ("s3:///x", "must name a bucket"),
    ],
)
def test_an_address_that_cannot_be(address: str, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        Bucket(address)
    assert "secret" not in str(caught.value)


def test_a_bucket_that_is_not_there(s3: str) -> None:
    with pytest.raises(DataError, match="Store must be one that can be used") as caught:
        Bucket("s3://no-such-bucket-here/x").check()
    assert SECRET not in str(caught.value)

"""A real server of the S3 protocol on loopback (moto's), and the environment to reach it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch
from uuid import uuid4

SECRET = "s3cr3t-that-must-not-be-seen"  # noqa: S105 - of a server that is ours


@contextmanager
def s3_server(host: str = "127.0.0.1") -> Iterator[dict[str, str]]:
    """The environment of its clients, which is also this process's meanwhile."""
    from moto.server import ThreadedMotoServer
    from s3fs import S3FileSystem

    server = ThreadedMotoServer(ip_address=host, port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    env = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    S3FileSystem.clear_instance_cache()  # clients of another server, by the same arguments
    try:
        with patch.dict(os.environ, env):
            yield env
    finally:
        server.stop()
        S3FileSystem.clear_instance_cache()


def new_bucket() -> str:
    """The address of a bucket of its own on the server."""
    import boto3

    name = f"xltpipe-{uuid4().hex[:12]}"
    boto3.client("s3").create_bucket(Bucket=name)
    return f"s3://{name}"

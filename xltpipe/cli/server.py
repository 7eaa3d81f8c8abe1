"""`xltpipe server`: keep a Prefect server running, so that runs need not start their own."""

from __future__ import annotations

import os
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number
from rich.console import Console

from xltpipe.cli.environment import configured, settle_prefect

OK, FAILED = 0, 1

app = App(name="server", help="Keep a Prefect server running for quick runs.")
console = Console(highlight=False, soft_wrap=True)


@app.command
def start(*, port: Annotated[int, Parameter(validator=Number(gte=1, lte=65535))] = 4200) -> int:
    """Start a local server that runs find by themselves; it lives until `xltpipe server stop`.

    Parameters
    ----------
    port
        Of its interface and API, on this machine only.
    """
    from tasks import kept

    settle_prefect()
    found = kept.find()
    if found is not None:
        console.print(f"there already: {found.page}, since {found.started}")
        return OK
    server = kept.start(port)
    console.print(f"Prefect server: {server.page}, process {server.process}; runs will use it")
    if configured():
        url = os.environ.get("PREFECT_API_URL") or "in a file of Prefect's settings"
        console.print(
            f"note: another server is configured ({url}); as long as it is, runs use that"
        )
    return OK


@app.command
def status() -> int:
    """Say whether a kept server answers; exit code 1 if none does."""
    from tasks import kept

    known = kept.known_server()
    if known is None:
        console.print('no kept server; "xltpipe server start" starts one')
        return FAILED
    answering = kept.answers(known)
    state = "answers" if answering else "does not answer"
    console.print(
        f"{known.page}, process {known.process}, Prefect {known.prefect}, "
        f"since {known.started}: {state}"
    )
    if answering and kept.find() is None:
        console.print(
            "runs do not use it: it is of another version of Prefect than this; restart it"
        )
    return OK if kept.find() is not None else FAILED


@app.command
def stop() -> int:
    """Stop the kept server."""
    from tasks import kept

    stopped = kept.stop()
    console.print("no kept server to stop" if stopped is None else f"stopped: {stopped.page}")
    return OK

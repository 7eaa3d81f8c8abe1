"""Pushing from the terminal: say what would go where and under which licence, then do it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import unquote, urlsplit

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from xltpipe.cli import OK, Store_, shelf_of
from xltpipe.errors import RecipeError

if TYPE_CHECKING:
    from xltpipe.published import Published


def push(
    run: str,
    repo: str | None = None,
    *,
    to: Path | None = None,
    private: Annotated[bool, Parameter(negative=())] = False,
    token_file: Path | None = None,
    revision: str | None = None,
    message: str | None = None,
    accept_licences: Annotated[bool, Parameter(negative=())] = False,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    store: Store_ = None,
) -> int:
    """Push a run's corpus with its card to the Hugging Face hub, or copy it to a folder.

    Parameters
    ----------
    run
        A run's id, or the beginning of one (see `xltpipe runs`).
    repo
        The dataset repository, owner/name; it is made if it is not there. A path (./corpus) or
        file: address means a folder.
    to
        Write the same files to this new or empty folder instead.
    private
        Make the repository private; refuses one that is there and public.
    token_file
        File with a token that may write; else that of `hf auth login`.
    revision
        Branch to push to; it is made if it is not there.
    message
        Message of the commit.
    accept_licences
        Go on though a licence forbids to pass the corpus on, or is not stated.
    dry_run
        List files, sizes and licences; nothing is sent.
    """
    from xltpipe.published import published

    folder = _folder(repo, to)
    corpus = published(shelf_of(store), run)
    console = Console(highlight=False, soft_wrap=True)
    _show(console, corpus, files=dry_run)
    if repo is not None and folder is None:
        from xltpipe.hub import check_name

        check_name(repo)
    if not accept_licences:
        corpus.permitted()
    if dry_run:
        console.print(f"dry run: nothing was sent to {folder or repo}", markup=False)
        return OK
    if folder is not None:
        from xltpipe.published import copy

        console.print(f"wrote {copy(corpus, folder)}", markup=False)
        return OK
    from xltpipe import hub

    address = hub.push(
        corpus, hub.Repository(repo or "", hub.token(token_file), private, revision), message
    )
    console.print(f"pushed {len(corpus.files)} files to {address}", markup=False)
    return OK


def _folder(repo: str | None, to: Path | None) -> Path | None:
    """The folder that is meant, None if a repository is."""
    if (repo is None) == (to is None):
        raise RecipeError(
            "Push must have one place to go, was: "
            f"{'none' if repo is None else 'two'}; name a repository, or a folder with --to"
        )
    if repo is None:
        return to
    if repo.startswith("file:"):
        path = unquote(urlsplit(repo).path)
        if not path:
            raise RecipeError(f"Folder must have a path, was: {repo!r}")
        return Path(path)
    local = repo.startswith(("/", "./", "../", "~")) or repo in {".", ".."}
    return Path(repo) if local else None


def _show(console: Console, corpus: Published, *, files: bool) -> None:
    from xltpipe.licences import consequences

    console.print(
        f"run {corpus.run}: {len(corpus.files)} files, {_size(corpus.bytes)}", markup=False
    )
    if files:
        shown = Table("file", "size", box=None, header_style="bold")
        for file in corpus.files:
            shown.add_row(Text(file.name), _size(file.bytes))
        console.print(shown)
    shown = Table("part", "name", "licence", "known from", box=None, header_style="bold")
    for one in corpus.licences:
        shown.add_row(one.role, Text(one.name), Text(one.licence), one.origin)
    console.print(shown)
    for line in consequences(corpus.licences):
        console.print(f"note: {line}", markup=False)


def _size(number: int) -> str:
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= scale:
            return f"{number / scale:.1f} {unit}"
    return f"{number} B"

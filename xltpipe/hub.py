"""Hub: put a corpus into a dataset repository of the Hugging Face hub, and see that it arrived.

Written against huggingface_hub 1.31 to 2.4. The token is handed to it and to nobody else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from xltpipe import __version__
from xltpipe.errors import RecipeError, TransientError, XltError, require
from xltpipe.published import File, Published

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

EXTRA = "hub"
_KIND = "dataset"
_PARTS = "lang=*/split=*/*.parquet"
"""Where corpora lie: files of an earlier push that are not of this corpus would be read with it."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A dataset repository: `owner/name`, and the branch to push to (None: its main one)."""

    name: str
    token: str = field(repr=False)
    private: bool = False
    branch: str | None = None
    endpoint: str | None = None


def check_name(name: str) -> None:
    """Raises RecipeError if no repository of the hub can have this name."""
    utils = require("huggingface_hub.utils", EXTRA)
    try:
        utils.validate_repo_id(name)
    except utils.HFValidationError as error:
        raise RecipeError(
            f"Repository must be named owner/name, was: {name!r} ({error})"
        ) from error
    if name.count("/") != 1:
        raise RecipeError(f"Repository must be named owner/name, was: {name!r}")


def token(file: Path | None) -> str:
    """The token in a file, else that of `hf auth login` (or of HF_TOKEN, which that reads).

    Raises:
        RecipeError: there is none, or the file does not hold one.
    """
    if file is None:
        found = require("huggingface_hub", EXTRA).get_token()
        if not found:
            raise RecipeError(
                "Token must be known, was: none; log in with `hf auth login`, or put a token with "
                "write access into a file and name it with --token-file"
            )
        return str(found)
    try:
        text = file.expanduser().read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(
            f"Token file must be a file to read, was: {file} ({type(error).__name__})"
        ) from error
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise RecipeError(
            f"Token file must hold one token and nothing else, was: {file} (its content is not "
            "shown)"
        )
    return text


def push(corpus: Published, to: Repository, message: str | None = None) -> str:
    """Upload the files (those of an earlier corpus there go), compare the listing; the address.

    Raises:
        MissingExtraError: huggingface_hub is not installed.
        RecipeError: name, token, permission or branch is wrong.
        TransientError: the hub is away or busy, or does not list what was sent.
    """
    check_name(to.name)
    hub = require("huggingface_hub", EXTRA)
    api: HfApi = hub.HfApi(
        endpoint=to.endpoint, token=to.token, library_name="xltpipe", library_version=__version__
    )
    with _told(to, "log in"):
        api.whoami()
    with _told(to, "make or find the repository"):
        # None: as the owner's settings have it, which may be private, too
        private = to.private or None
        url = str(api.create_repo(to.name, repo_type=_KIND, private=private, exist_ok=True))
    with _told(to, "look at the repository"):
        _keep_private(api, to)
    if to.branch is not None:
        with _told(to, "make or find the branch"):
            api.create_branch(to.name, branch=to.branch, repo_type=_KIND, exist_ok=True)
    with _told(to, "upload"):
        api.upload_folder(
            repo_id=to.name,
            repo_type=_KIND,
            folder_path=corpus.folder,
            allow_patterns=[_literal(file.name) for file in corpus.files],
            delete_patterns=[_PARTS],
            revision=to.branch,
            commit_message=message or f"xltpipe {__version__}: {corpus.run}",
        )
    with _told(to, "list what arrived"):
        _compare(api, corpus, to)
    return f"{url}/tree/{to.branch}" if to.branch else url


def _keep_private(api: HfApi, to: Repository) -> None:
    """A repository that is there already keeps its visibility: better no push than a public one."""
    if to.private and not api.repo_info(to.name, repo_type=_KIND).private:
        raise RecipeError(
            f"Repository must be private for --private, was: {to.name}, which is there already and "
            "public; make it private on the hub or choose another name"
        )


def _literal(name: str) -> str:
    """A pattern that this name alone fits."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


def _compare(api: HfApi, corpus: Published, to: Repository) -> None:
    """Names, sizes and contents as the hub lists them against the local files."""
    from huggingface_hub.hf_api import RepoFile

    listed = {
        one.path: one
        for one in api.list_repo_tree(to.name, recursive=True, revision=to.branch, repo_type=_KIND)
        if isinstance(one, RepoFile)
    }
    wrong = [f"{f.name} ({was})" for f in corpus.files if (was := _fault(f, listed.get(f.name)))]
    ours = {file.name for file in corpus.files}
    wrong += [
        f"{name} (of an earlier corpus)"
        for name in sorted(listed)
        if name.startswith("lang=") and name.endswith(".parquet") and name not in ours
    ]
    if wrong:
        shown = ", ".join(wrong[:5]) + (f" and {len(wrong) - 5} more" if len(wrong) > 5 else "")
        raise TransientError(f"Hub must list what was sent, was: {shown} in {to.name}; push again")


def _fault(file: File, there: RepoFile | None) -> str | None:
    if there is None:
        return "missing"
    if there.size != file.bytes:
        return f"{there.size} bytes, not {file.bytes}"
    if there.lfs is not None:
        return None if there.lfs.sha256 == file.sha256 else "another content"
    return None if there.blob_id == _git_id(file) else "another content"


def _git_id(file: File) -> str:
    """The name git gives to a file's content; small files are kept in git itself."""
    content = file.path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@contextmanager
def _told(to: Repository, doing: str) -> Iterator[None]:
    """Whatever the hub or the way to it answers, as one of our errors."""
    errors = require("huggingface_hub.errors", EXTRA)
    try:
        yield
    except XltError:
        raise
    # the bases are the errors of the HTTP library, whichever the installed version is built on;
    # RuntimeError and ValueError wrap what went wrong with one of several files
    except (OSError, RuntimeError, ValueError, *errors.HfHubHTTPError.__bases__) as error:
        raise _answer(error, to, doing) from error


def _answer(error: Exception, to: Repository, doing: str) -> XltError:
    cause: BaseException | None = error
    while cause is not None and getattr(cause, "response", None) is None:
        cause = cause.__cause__
    status = getattr(getattr(cause, "response", None), "status_code", None)
    said = " ".join(str(cause or error).split()).replace(to.token, "…")[:300]
    failed = f"was: {status or type(error).__name__} when trying to {doing} ({said})"
    if status == 401 or (status == 404 and doing == "log in"):
        return RecipeError(
            f"Token must be valid and allow to write to {to.name}, {failed}; make one at "
            "https://huggingface.co/settings/tokens"
        )
    if status == 403:
        return RecipeError(
            f"Token must allow to write to {to.name}, {failed}; it needs write access, and its "
            "owner must be a member of the organisation"
        )
    if status == 404:
        return RecipeError(f"Repository and its branch must be there, {failed}; see {to.name}")
    if status is not None and status < 500 and status not in {408, 409, 425, 429}:
        return RecipeError(f"Hub must take the corpus for {to.name}, {failed}")
    return TransientError(
        f"Hub must be reachable and answer, {failed}; try again later: what arrived is not sent "
        "again"
    )

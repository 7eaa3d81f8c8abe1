"""Server: a language model behind an OpenAI-compatible address, such as vLLM (Kwon et al., 2023).

Written against the protocol of vLLM 0.12 to 0.33 (its entrypoints/openai) and tried on vLLM 0.32
on a CPU, with a small random model; there was no GPU to try it on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field

from xltpipe.credentials import credential, is_key
from xltpipe.errors import RecipeError
from xltpipe.spec import Incidental, Licensed
from xltpipe.translation.server_answers import Dialect
from xltpipe.translation.server_client import ServerClient
from xltpipe.veil import hide


def _addressable(url: str) -> str:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises if it is none
    except ValueError as error:
        example = '"http://localhost:8000/v1"'
        raise ValueError(f"must be an address such as {example}: {error}") from None
    wrong = parts.scheme not in {"http", "https"} or not parts.hostname or " " in url
    if wrong or parts.query or parts.fragment:
        raise ValueError('must be an address such as "http://localhost:8000/v1"')
    if parts.username or parts.password:
        raise ValueError("must not hold a password: put the key into a file (api_key_file)")
    return url.rstrip("/")


Address = Annotated[str, AfterValidator(_addressable)]
"""`http(s)://host[:port][/path]` without a password, the base of an OpenAI-compatible API."""


class Served(Licensed):
    """A model by name and how to ask for it, wherever it is served.

    `model` is the name under which the model is served. It alone stands for the weights in a
    result's key, not the address: change the name (`--served-model-name`) when they change.
    The key is read from a file (`api_key_file`), or known by a name (`api_key_secret`) to the
    environment or a Prefect block; neither the key nor where it is kept enters any result.
    `dialect` openai leaves vLLM's own fields out, for servers that refuse what they do not know.
    `template_arguments` go to the model's chat template, such as `enable_thinking = false`.
    """

    # what was given for a key or an address may be a secret: errors do not repeat it
    model_config = ConfigDict(hide_input_in_errors=True)

    model: str = Field(min_length=1)
    api_key_file: Annotated[Path | None, Incidental] = None
    api_key_secret: Annotated[str | None, Incidental] = Field(
        default=None, pattern=r"^[a-z0-9][a-z0-9-]{0,99}$"
    )
    concurrency: Annotated[int, Incidental] = Field(default=32, ge=1, le=1024)
    timeout: Annotated[float, Incidental] = Field(default=120.0, gt=0)
    attempts: Annotated[int, Incidental] = Field(default=4, ge=1)
    dialect: Dialect = "vllm"
    template_arguments: dict[str, bool | int | float | str] = Field(default_factory=dict)

    def check(self) -> None:
        """Raises RecipeError if the key cannot be had; the server may start later."""
        self.key()

    def key(self) -> str | None:
        """The key, None where the recipe names none.

        Raises:
            RecipeError: it is not where the recipe says, or is no key.
        """
        if self.api_key_file is None:
            return None if self.api_key_secret is None else credential(self.api_key_secret)
        if self.api_key_secret is not None:
            raise RecipeError(
                "Key must be in one place, was: api_key_file and api_key_secret; leave one out"
            )
        try:
            key = self.api_key_file.expanduser().read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(
                f"api_key_file must be a file to read, was: {self.api_key_file} "
                f"({type(error).__name__})"
            ) from error
        hide(key)
        if not is_key(key):
            raise RecipeError(
                f"api_key_file must hold one key and nothing else, was: {self.api_key_file} "
                "(its content is not shown)"
            )
        return key


class Server(Served):
    """Settings of the connection; subclasses add what they ask of the server."""

    url: Annotated[Address, Incidental]

    def client(self) -> ServerClient:
        """A client with these settings; nothing is sent yet.

        Raises:
            RecipeError: the key's file is missing or does not hold a key.
        """
        return ServerClient(
            self.url,
            self.model,
            key=self.key(),
            concurrency=self.concurrency,
            timeout=self.timeout,
            attempts=self.attempts,
            dialect=self.dialect,
            template_arguments=self.template_arguments,
        )

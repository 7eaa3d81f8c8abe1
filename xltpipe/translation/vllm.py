"""vLLM: translate with a language model, behind an OpenAI-compatible server or in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from xltpipe.errors import require
from xltpipe.languages import resolve
from xltpipe.protocols import Translator
from xltpipe.spec import Incidental
from xltpipe.translation.chat_answers import Spent, spent
from xltpipe.translation.chat_checks import Checks
from xltpipe.translation.chat_client import ChatClient
from xltpipe.translation.chat_local import LocalChat, LocalEngine
from xltpipe.translation.chat_model import Model
from xltpipe.translation.chat_request import Json
from xltpipe.translation.chat_translator import Asking, ChatTranslator, owner
from xltpipe.translation.chat_wire import Contact
from xltpipe.translation.models import model_digest
from xltpipe.translation.prices import Budget, Price, listed
from xltpipe.translation.prompts import Chat, Prompter, PromptSpec
from xltpipe.translation.server import Address, Served


class Vllm(Served):
    """A language model and how it is asked; without `url` it is loaded into this process.

    One request holds one text. An answer that cannot be its translation (`checks`) is asked for
    again `retries` times, at `retry_temperature` and with seeds from `seed` on; then the row has a
    fault. `max_output_tokens` bounds an answer.

    Every answer is kept in `cache` at once (a run names a folder of its store), by the whole
    request and what the server says about its weights: a run that was cut off asks for no text
    again. Tokens are counted from the server's `usage`; `price` goes before the package's table.
    `budget_tokens` and `budget_price` bound what all runs with these settings on one store spend.

    `timeout` is the longest wait for one answer, `deadline` for a request with all its tries, in
    seconds. `concurrency` counts requests under way per shard.
    """

    kind: Literal["vllm"] = "vllm"
    url: Annotated[Address | None, Incidental] = None
    prompt: PromptSpec = Chat()
    checks: Checks = Checks()

    temperature: float = Field(default=0.0, ge=0, le=2)
    top_p: float = Field(default=1.0, gt=0, le=1)
    retries: int = Field(default=2, ge=0, le=20)
    retry_temperature: float = Field(default=0.7, gt=0, le=2)
    seed: int = Field(default=1, ge=0)
    max_output_tokens: int = Field(default=1024, ge=8)
    log_probs: bool = False
    """Ask for log-probabilities, whose mean is the translation's score."""

    concurrency: Annotated[int, Incidental] = Field(default=64, ge=1, le=1024)
    attempts: Annotated[int, Incidental] = Field(default=10, ge=1)
    deadline: Annotated[float, Incidental] = Field(default=900.0, gt=0)
    backoff: Annotated[float, Incidental] = Field(default=0.5, gt=0)

    price: Annotated[Price | None, Incidental] = None
    budget_tokens: Annotated[int | None, Incidental] = Field(default=None, ge=1)
    budget_price: Annotated[float | None, Incidental] = Field(default=None, gt=0)

    engine: LocalEngine = LocalEngine()
    cache: Annotated[Path | None, Incidental] = None

    @model_validator(mode="after")
    def _possible(self) -> Vllm:
        if self.budget_price is not None and self.rate is None:
            raise ValueError(
                f"budget_price needs the price of {self.model!r}, which is not in the table; give "
                "price = { input = …, output = … } per million tokens"
            )
        if self.url is not None and self.engine != LocalEngine():
            raise ValueError("engine is for a model in this process, and url names a server")
        return self

    @property
    def rate(self) -> Price | None:
        """The recipe's price, else that of the table; None if there is none."""
        return self.price or listed(self.model)

    def build(self, source: str, target: str) -> Translator:
        """A translator for this pair; nothing is sent before its first text.

        Raises:
            RecipeError: a language is not known, or a file is missing.
            MissingExtraError: the client, or vLLM itself, is not installed.
        """
        return ChatTranslator(
            self._model(),
            self.prompter(source, target),
            Asking(
                temperature=self.temperature,
                retry=self.retry_temperature,
                top_p=self.top_p,
                seed=self.seed,
                retries=self.retries,
                limit=self.max_output_tokens,
                checks=self.checks,
                more=self._fields(),
                owner=owner(self.identity()),
                cache=self.cache,
                budget=Budget(self.budget_tokens, self.budget_price, self.rate),
                price=self.rate,
            ),
            (resolve(source).id, resolve(target).id),
        )

    def prompter(self, source: str, target: str) -> Prompter:
        """What writes the prompts of a language pair."""
        return self.prompt.bind(resolve(source), resolve(target))

    def spent(self, cache: Path) -> Spent | None:
        """What these settings have spent on a store; None where they have asked for nothing."""
        return spent(cache, owner(self.identity()))

    def check(self) -> None:
        super().check()
        require("openai" if self.url else "vllm", "openai" if self.url else "vllm")
        self.prompt.fingerprint()

    def fingerprint(self) -> dict[str, str]:
        """A local model's files; a served one is known by its name."""
        folder = Path(self.model).expanduser()
        return {"model": model_digest(folder)} if self.url is None and folder.is_dir() else {}

    def native_markers(self) -> bool:
        """No markers of its own: any are asked for in the prompt."""
        return False

    def native_tags(self) -> bool:
        """None: markup in a prompt is text."""
        return False

    def aligning_model(self) -> None:
        """There is no encoder-decoder model whose attention could be read."""

    def _model(self) -> Model:
        if self.url is None:
            return LocalChat(self.model, self.engine, self.template_arguments)
        return ChatClient(
            Contact(
                url=self.url,
                model=self.model,
                key=self.key(),
                concurrency=self.concurrency,
                timeout=self.timeout,
                attempts=self.attempts,
                deadline=self.deadline,
                backoff=self.backoff,
            )
        )

    def _fields(self) -> Json:
        """What every request holds beside its messages.

        Penalties are named since vLLM else takes those of the model's generation_config.json.
        """
        fields: Json = {"model": self.model, "presence_penalty": 0.0, "frequency_penalty": 0.0}
        if self.dialect == "vllm":
            fields["repetition_penalty"] = 1.0
        if self.template_arguments:
            fields["chat_template_kwargs"] = dict(self.template_arguments)
        if self.log_probs:
            fields["logprobs"] = True
        return fields

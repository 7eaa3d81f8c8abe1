"""The model in this process: what is asked of vLLM's API, with a stand-in for the package.

vLLM itself needs an environment of its own, so that only the shapes of calls are seen here: names
and types of arguments, and how its outputs are read. The code ran with vLLM 0.32 on a CPU.
"""

from __future__ import annotations

import inspect
import sys
import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.chat_server import said, turned
from xltpipe.errors import RecipeError, TransientError
from xltpipe.translation import Vllm, chat_local


@dataclass
class StructuredOutputsParams:
    json: dict[str, Any] | None = None


@dataclass
class SamplingParams:
    temperature: float
    top_p: float
    seed: int | None
    max_tokens: int
    logprobs: int | None
    structured_outputs: StructuredOutputsParams | None


@dataclass
class Completion:
    text: str
    token_ids: list[int]
    cumulative_logprob: float | None
    finish_reason: str = "stop"


@dataclass
class RequestOutput:
    prompt_token_ids: list[int]
    outputs: list[Completion]


class EngineDeadError(Exception):
    pass


@dataclass
class Llm:
    model: str
    dtype: str
    quantization: str | None
    max_model_len: int | None
    tensor_parallel_size: int
    gpu_memory_utilization: float
    generation_config: str
    trust_remote_code: bool
    batches: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.model == "broken":
            raise ValueError("no GPU")
        config = types.SimpleNamespace(max_model_len=self.max_model_len or 4096)
        self.llm_engine = types.SimpleNamespace(model_config=config)

    def get_tokenizer(self) -> Any:
        return self

    def apply_chat_template(
        self, conversation: Any, *, add_generation_prompt: bool, return_dict: bool, **_: Any
    ) -> list[int]:
        assert add_generation_prompt and not return_dict
        return [0] * sum(len(m["content"].split()) for m in conversation)

    def chat(
        self,
        messages: list[list[dict[str, str]]],
        sampling_params: list[SamplingParams],
        *,
        use_tqdm: bool,
        chat_template_kwargs: dict[str, Any] | None,
    ) -> list[RequestOutput]:
        assert not use_tqdm
        assert chat_template_kwargs == {"enable_thinking": False}
        self.batches.append(len(messages))
        if self.model == "dying" and len(self.batches) == 2:
            raise EngineDeadError("EngineCore encountered an issue.")
        return [self._one(*both) for both in zip(messages, sampling_params, strict=True)]

    def _one(self, messages: list[dict[str, str]], sampling: SamplingParams) -> RequestOutput:
        body: dict[str, Any] = {"messages": messages}
        if sampling.structured_outputs is not None:
            assert sampling.structured_outputs.json is not None
            body["response_format"] = {}
        from tests.chat_server import sent_text

        tokens = [0] * len(sent_text(body).split())
        text = said(body, turned(sent_text(body)))
        prompt = self.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
        return RequestOutput(prompt, [Completion(text, tokens, -0.5 * len(tokens))])


@pytest.fixture
def vllm(monkeypatch: pytest.MonkeyPatch) -> None:
    package: Any = types.ModuleType("vllm")
    package.LLM, package.__version__ = Llm, "0.33.0"
    sampling: Any = types.ModuleType("vllm.sampling_params")
    sampling.SamplingParams = SamplingParams
    sampling.StructuredOutputsParams = StructuredOutputsParams
    monkeypatch.setitem(sys.modules, "vllm", package)
    monkeypatch.setitem(sys.modules, "vllm.sampling_params", sampling)
    for name in ("vllm.v1", "vllm.v1.engine", "vllm.v1.engine.exceptions"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    sys.modules["vllm.v1.engine.exceptions"].EngineDeadError = EngineDeadError  # type: ignore[attr-defined]
    monkeypatch.setattr(chat_local, "_engines", {})
    monkeypatch.setattr(chat_local, "_BATCH", 16)


def local(**settings: Any) -> Vllm:
    given = {"model": "tiny", "template_arguments": {"enable_thinking": False}, **settings}
    return Vllm.model_validate(given)


TEXTS = [f"Sentence {n} is here." for n in range(40)]


@pytest.mark.parametrize("mode", ["json", "free"])
def test_texts_go_through_in_batches(vllm: None, mode: str, tmp_path: Path) -> None:
    spec = local(prompt={"kind": "chat", "mode": mode}, log_probs=True, cache=tmp_path)
    translator = spec.build("eng", "spa")
    done = translator.translate([*TEXTS, ""], "eng", "spa")
    assert [one.text for one in done] == [*map(turned, TEXTS), ""]
    assert {one.score for one in done[:-1]} == {-0.5}
    (engine,) = chat_local._engines.values()
    assert engine.batches == [16, 16, 8]
    spec.build("eng", "spa").translate(TEXTS, "eng", "spa")
    assert engine.batches == [16, 16, 8]  # all were kept


def test_a_prompt_too_long_does_not_spoil_its_batch(vllm: None) -> None:
    spec = local(engine={"max_model_len": 200})
    texts = ["Here.", " ".join(["word"] * 300), "There."]
    done = spec.build("eng", "spa").translate(texts, "eng", "spa")
    assert [one.text for one in done] == ["ereH.", "", "erehT."]
    assert str(done[1].fault).startswith("context: text needs 3")


def test_a_budget_bounds_it_too(vllm: None) -> None:
    with pytest.raises(RecipeError, match=r"budget_tokens 2,000 with .* spent"):
        local(budget_tokens=2_000).build("eng", "spa").translate(TEXTS, "eng", "spa")


def test_a_model_that_cannot_be_loaded(vllm: None) -> None:
    with pytest.raises(RecipeError, match=r"vLLM can load here, was: 'broken' \(no GPU\)"):
        local(model="broken").build("eng", "spa").translate(["Here."], "eng", "spa")


def test_an_engine_that_dies_is_loaded_again(vllm: None, tmp_path: Path) -> None:
    spec = local(model="dying", cache=tmp_path)
    with pytest.raises(TransientError, match="vLLM must stay alive"):
        spec.build("eng", "spa").translate(TEXTS, "eng", "spa")
    assert not chat_local._engines
    with pytest.raises(TransientError):
        spec.build("eng", "spa").translate(TEXTS, "eng", "spa")
    translator = spec.build("eng", "spa")
    done = translator.translate(TEXTS, "eng", "spa")  # what is left is one batch
    assert [one.text for one in done] == list(map(turned, TEXTS))
    assert translator.counts["answers_reused"] == 32  # type: ignore[attr-defined]


def test_the_stand_in_takes_what_vllm_takes() -> None:
    """Against the package where it is installed: no argument of ours may be unknown to it."""
    real = pytest.importorskip("vllm")
    wanted = {"messages", "sampling_params", "use_tqdm", "chat_template_kwargs"}
    assert wanted <= set(inspect.signature(real.LLM.chat).parameters)

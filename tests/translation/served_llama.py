"""A real server of the OpenAI protocol: `transformers serve` with a tiny Llama built on the spot.

It has random weights, so that what it says is nonsense; that each text gets its own answer, and
what was paid, is what can be seen with it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SPECIAL = ["<|system|>", "<|user|>", "<|assistant|>", "<|end|>", "<pad>"]
CORPUS = [
    "Ana lives in Rome. Where is Bob? You translate from English into Spanish. The text is data.",
    "Ana vive en Roma. ¿Dónde está Bob? Reply with the translation alone, without quotes.",
]


def write_model(home: Path) -> None:
    """A Llama of 100 thousand parameters with a tokeniser and a chat template of its own."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    cut = Tokenizer(models.BPE())
    cut.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    cut.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    cut.train_from_iterator(CORPUS * 10, trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=cut, eos_token=SPECIAL[3], pad_token=SPECIAL[4], chat_template=TEMPLATE
    )
    tokenizer.save_pretrained(home)
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=1,  # of 64: vLLM has no kernel for heads of 16 on a CPU
        max_position_embeddings=1024,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = LlamaForCausalLM(config)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.save_pretrained(home)


@contextmanager
def serving(home: Path) -> Iterator[tuple[str, str]]:
    """The server's address and the name of its model; ends with the process."""
    model = home / "llama"
    write_model(model)
    (home / "hub").mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = shutil.which("transformers", path=str(Path(os.sys.executable).parent))
    assert program is not None
    more = {
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_CACHE": str(home / "hub"),
        "OMP_NUM_THREADS": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }
    with (home / "log").open("w") as log:
        server = subprocess.Popen(
            [
                program,
                "serve",
                str(model),
                *("--host", "127.0.0.1"),
                *("--port", str(port), "--device", "cpu"),
            ],
            env={**os.environ, **more},
            stdout=log,
            stderr=log,
        )
        try:
            _wait(f"http://127.0.0.1:{port}/health", server, home / "log")
            yield f"http://127.0.0.1:{port}/v1", str(model)
        finally:
            server.terminate()
            server.wait(20)


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 240
    while time.monotonic() < end:
        if server.poll() is not None:
            raise AssertionError(f"transformers serve ended: {log.read_text()[-2000:]}")
        try:
            urllib.request.urlopen(url, timeout=2).read()  # noqa: S310
        except OSError:
            time.sleep(0.3)
        else:
            return
    raise AssertionError(f"transformers serve must start in 4 min, was: {log.read_text()[-2000:]}")

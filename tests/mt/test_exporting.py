"""The network, its CTranslate2 export and Marian in transformers compute the same."""

from __future__ import annotations

from pathlib import Path

import ctranslate2
import pytest
import torch
from torch import Tensor

from xltpipe.errors import RecipeError
from xltpipe.mt.exporting import export_ctranslate2, import_weights
from xltpipe.mt.network import Network
from xltpipe.mt.settings import Size

SIZE = Size(width=32, heads=2, inner=64, encoder_layers=2, decoder_layers=2, positions=32)
NAMES = ("</s>", "<unk>", *(f"p{i}" for i in range(58)))


@pytest.fixture
def network() -> Network:
    torch.manual_seed(4)
    made = Network(SIZE, len(NAMES))
    with torch.no_grad():  # norms and biases that are not what they start as
        for parameter in made.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return made.eval()


def _weights(network: Network) -> dict[str, Tensor]:
    return dict(network.named_parameters())


def _greedy(network: Network, source: list[int], limit: int) -> list[int]:
    out: list[int] = []
    while len(out) < limit and (not out or out[-1] != 0):
        with torch.no_grad():
            states, _ = network(torch.tensor([source]), None, torch.tensor([[*out, 0]]))
        out.append(int((states[0, -1] @ network.embedding.T).argmax()))
    return out


def test_the_engine_decodes_as_the_network(network: Network, tmp_path: Path) -> None:
    export_ctranslate2(_weights(network), SIZE, NAMES, tmp_path, "float32")
    engine = ctranslate2.Translator(str(tmp_path), compute_type="float32")
    torch.manual_seed(5)
    for length in (2, 5, 9):
        source = [*torch.randint(2, 60, (length,)).tolist(), 0]
        (result,) = engine.translate_batch(
            [[NAMES[i] for i in source]],
            beam_size=1,
            max_decoding_length=12,
            return_end_token=True,
        )
        assert result.hypotheses[0] == [NAMES[i] for i in _greedy(network, source, 12)]


def test_the_attention_that_is_guided_is_the_one_the_engine_gives(
    network: Network, tmp_path: Path
) -> None:
    export_ctranslate2(_weights(network), SIZE, NAMES, tmp_path, "float32")
    engine = ctranslate2.Translator(str(tmp_path), compute_type="float32")
    source, target = [7, 8, 9, 0], [10, 11, 12]
    (result,) = engine.translate_batch(
        [[NAMES[i] for i in source]],
        target_prefix=[[NAMES[i] for i in target]],
        beam_size=1,
        max_decoding_length=3,
        return_attention=True,
    )
    with torch.no_grad():
        _, attention = network(torch.tensor([source]), None, torch.tensor([target]))
    assert torch.allclose(torch.tensor(result.attention[0]), attention[0].exp(), atol=1e-4)


def test_weights_come_back_from_a_model(network: Network, tmp_path: Path) -> None:
    export_ctranslate2(_weights(network), SIZE, NAMES, tmp_path, "int8")
    back = import_weights(tmp_path, SIZE, len(NAMES))
    assert back.keys() == _weights(network).keys()
    for name, tensor in _weights(network).items():
        scale = tensor.abs().max().item()
        assert torch.allclose(back[name], tensor, atol=scale / 100), name
    Network(SIZE, len(NAMES)).load_state_dict(back)


@pytest.mark.parametrize("change", [{"width": 64}, {"encoder_layers": 3}, {"encoder_layers": 1}])
def test_a_base_of_another_size_is_refused(
    network: Network, tmp_path: Path, change: dict[str, int]
) -> None:
    export_ctranslate2(_weights(network), SIZE, NAMES, tmp_path, "int8")
    with pytest.raises(RecipeError, match="Base must be a model trained here"):
        import_weights(tmp_path, SIZE.model_copy(update=change), len(NAMES))

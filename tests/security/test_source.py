"""No pickle, no text that runs, no code that comes with a model: looked for in the syntax tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.security.forbidden import faults, of_tree

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("folder", ["xltpipe", "tasks", "flows"])
def test_nothing_runs_what_others_wrote(folder: str) -> None:
    assert of_tree(ROOT / folder) == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle",
        "import joblib, json",
        "from pickle import loads, UnpicklingError",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "torch.load(path, weights_only=flag)",
        "torch.save(state, path)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "pd.read_pickle(path)",
        "yaml.load(text, Loader=yaml.Loader)",
        "eval(text)",
        "os.system('ls')",
        "subprocess.run('ls', shell=True)",
        "AutoModel.from_pretrained(name)",
        "AutoModel.from_pretrained(name, trust_remote_code=trusted)",
        "require('vllm', 'vllm').LLM(model=m)",
        "datasets.load_dataset(name, trust_remote_code=True)",
    ],
)
def test_it_would_be_found(line: str) -> None:
    assert len(faults(line)) == 1


@pytest.mark.parametrize(
    "line",
    [
        "from pickle import UnpicklingError",
        "torch.load(path, weights_only=True, map_location='cpu')",
        "np.load(path, allow_pickle=False)",
        "yaml.safe_load(text)",
        "model.eval()",
        "AutoModel.from_pretrained(name, trust_remote_code=False, **where)",
    ],
)
def test_what_is_harmless_is_not(line: str) -> None:
    assert faults(line) == []

"""The wheel, the compose file, and what README promises about them."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from xltpipe.translation.models import find_model

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_holds_the_library_and_its_models_and_nothing_else(wheel) -> None:
    names = wheel.namelist()
    assert {n.split("/")[0].split("-")[0] for n in names} == {"xltpipe"}
    for needed in (
        "xltpipe/_models/en-es/model.bin",
        "xltpipe/_models/en-es-tatoeba/model.bin",
        "xltpipe/_models/en-es-tatoeba/MODEL_CARD.md",
        "xltpipe/_models/en-es-tatoeba-hmm/parameters.npz",
        "xltpipe/languages.tsv",
        "xltpipe/phrases.toml",
        "xltpipe/translation/prices.toml",
        "xltpipe/datasets/example.schema.json",
        "xltpipe/card.md",
        "xltpipe/cli/page.css",
        "xltpipe/cli/page.js",
        "xltpipe/hypertext/page.html",
    ):
        assert needed in names


def test_the_wheel_alone_finds_its_model_and_says_what_run_needs(wheel, tmp_path: Path) -> None:
    wheel.extractall(tmp_path / "site")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        "import xltpipe\n"
        "from xltpipe.translation.models import find_model\n"
        "print(find_model('embedded'))\n"
    )
    out = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == str(tmp_path / "site/xltpipe/_models/en-es")


def test_the_embedded_model_is_found_from_any_folder(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert (find_model("embedded") / "model.bin").is_file()


def test_ci_and_the_image_install_the_packages_of_the_guide() -> None:
    guide = (ROOT / "docs/apertium.md").read_text(encoding="utf-8")
    (line,) = (line for line in guide.splitlines() if line.startswith("apt-get install"))
    packages = {word for word in line.split() if word.startswith("apertium")}
    assert len(packages) > 9
    image = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    listed = image.partition('ARG APERTIUM="')[2].partition('"')[0].replace("\\", " ")
    assert set(listed.split()) == packages
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    listed = script.partition("packages=(")[2].partition(")")[0]
    assert set(listed.split()) == packages


def test_every_extra_of_the_readme_is_there() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(f"[{extra}]" in readme for extra in project["optional-dependencies"])

"""Pushing: what arrives is what lies here, and what cannot be pushed says why."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests import toy_run
from tests.hub_server import TOKEN, Hub, serving
from tests.toy_recipe import RULES, toy_recipe
from xltpipe import hub as pushing
from xltpipe.cli import _main
from xltpipe.cli.push import push
from xltpipe.durable import seal, unseal
from xltpipe.errors import DataError, MissingExtraError, RecipeError, TransientError, XltError
from xltpipe.hub import Repository
from xltpipe.published import Published, published
from xltpipe.runs import Outcome, recording
from xltpipe.store import Store

REPO = "someone/words"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A finished run."""
    folder = tmp_path_factory.mktemp("made")
    data = {"kind": "conll", "path": "train.conll", "licence": "cc-by-4.0"}
    store = Store(folder / "store")
    toy_run.run(toy_recipe(folder, train=data, targets=["spa", "fra"]), store)
    return store


@pytest.fixture
def own(made: Store, tmp_path: Path) -> Store:
    """The same, for a test that changes something in it."""
    return Store(shutil.copytree(made.root, tmp_path / "store"))


def rerecord(store: Store, **changes: object) -> Path:
    """Change the record of the run."""
    (path,) = (store.root / "runs").glob("*.json")
    path.write_text(seal((unseal(path.read_bytes()) or {}) | changes))
    return path


@pytest.fixture
def corpus(made: Store) -> Published:
    return published(made, "toy")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub to push to. Its large files go the way without Xet, which needs servers of its own."""
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    with serving() as found:
        yield found


def repository(hub: Hub, name: str = REPO, **changes: object) -> Repository:
    return Repository(**({"name": name, "token": TOKEN, "endpoint": hub.url} | changes))


def local(corpus: Published) -> dict[str, bytes]:
    return {file.name: file.path.read_bytes() for file in corpus.files}


def remote(hub: Hub, branch: str = "main") -> dict[str, bytes]:
    files = hub.repos[REPO][branch]
    return {name: content for name, content in files.items() if name != ".gitattributes"}


def test_the_hub_holds_the_same_bytes(hub: Hub, corpus: Published) -> None:
    address = pushing.push(corpus, repository(hub), "first")
    assert remote(hub) == local(corpus)
    assert address == f"{hub.url}/datasets/{REPO}"
    assert hub.messages == ["first"]
    assert not hub.private[REPO]
    assert set(remote(hub)) == {
        "README.md",
        "lang=fra/split=train/part-00000.parquet",
        "lang=fra/split=train/part-00001.parquet",
        "lang=spa/split=train/part-00000.parquet",
        "lang=spa/split=train/part-00001.parquet",
    }


def test_large_files_go_in_parts(hub: Hub, corpus: Published) -> None:
    pushing.push(corpus, repository(hub))
    assert max(number for _, number in hub.parts) > 1
    assert remote(hub) == local(corpus)


def test_small_files_go_at_once(hub: Hub, corpus: Published) -> None:
    hub.chunk = 1 << 20
    pushing.push(corpus, repository(hub))
    assert not hub.parts
    assert remote(hub) == local(corpus)


def test_the_usual_way_where_no_file_is_large(
    hub: Hub, corpus: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    """huggingface_hub commits in another way where Xet is there, whatever the files' size."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", False)
    hub.ending = "none is"
    pushing.push(corpus, repository(hub))
    assert remote(hub) == local(corpus)
    pushing.push(corpus, repository(hub))
    assert remote(hub) == local(corpus)


def test_a_second_push_sends_only_what_is_new_and_takes_away_what_is_gone(
    hub: Hub, corpus: Published
) -> None:
    pushing.push(corpus, repository(hub))
    files = hub.repos[REPO]["main"]
    files["lang=deu/split=train/part-00000.parquet"] = b"of an earlier corpus"
    files["notes.md"] = b"somebody's own"
    hub.sent.clear()
    pushing.push(corpus, repository(hub))
    assert not [line for line in hub.sent if line.startswith("PUT")]
    assert remote(hub) == local(corpus) | {"notes.md": b"somebody's own"}


def test_a_branch_of_its_own(hub: Hub, corpus: Published) -> None:
    address = pushing.push(corpus, repository(hub, branch="v2"))
    assert address.endswith("/tree/v2")
    assert remote(hub, "v2") == local(corpus)
    assert remote(hub) == {}


def test_private_is_private_or_nothing(hub: Hub, corpus: Published) -> None:
    pushing.push(corpus, repository(hub, private=True))
    assert hub.private[REPO]
    hub.repos["someone/open"] = {"main": {}}
    hub.private["someone/open"] = False
    with pytest.raises(RecipeError, match="must be private for --private, was: someone/open"):
        pushing.push(corpus, repository(hub, "someone/open", private=True))
    assert hub.repos["someone/open"] == {"main": {}}


@pytest.mark.parametrize("spoilt", [".parquet", "README.md"])
def test_what_arrives_otherwise_is_told(hub: Hub, corpus: Published, spoilt: str) -> None:
    hub.spoils = spoilt
    with pytest.raises(
        TransientError, match=f"must list what was sent, was: .*{spoilt}.*bytes, not"
    ):
        pushing.push(corpus, repository(hub))


@pytest.mark.parametrize(
    ("part", "status", "kind", "words"),
    [
        ("whoami", 401, RecipeError, "Token must be valid.*401 when trying to log in"),
        ("repos/create", 403, RecipeError, "Token must allow to write to someone/words.*403"),
        ("preupload", 403, RecipeError, "Token must allow to write to someone/words.*403"),
        ("preupload", 404, RecipeError, "Repository and its branch must be there.*404"),
        ("repos/create", 503, TransientError, "Hub must be reachable and answer.*503.*try again"),
        ("whoami", 429, TransientError, "Hub must be reachable and answer.*429"),
        ("store", 403, RecipeError, "403 when trying to upload"),
        ("commit", 400, RecipeError, "Hub must take the corpus.*400.*this is status 400"),
        ("whoami", 500, TransientError, "500 when trying to log in"),
    ],
)
def test_what_the_hub_refuses_is_one_clear_error(
    hub: Hub, corpus: Published, part: str, status: int, kind: type[XltError], words: str
) -> None:
    hub.fails[part] = status
    with pytest.raises(kind, match=words) as caught:
        pushing.push(corpus, repository(hub))
    assert TOKEN not in str(caught.value)


def test_a_wrong_token_is_never_shown(hub: Hub, corpus: Published) -> None:
    with pytest.raises(RecipeError, match="Token must be valid") as caught:
        pushing.push(corpus, repository(hub, token="hf_wrong"))  # noqa: S106
    assert "hf_wrong" not in str(caught.value)
    assert TOKEN not in repr(repository(hub))
    assert hub.repos == {}


def test_a_hub_that_is_away(hub: Hub, corpus: Published) -> None:
    with pytest.raises(TransientError, match="Hub must be reachable and answer, was: Connect"):
        pushing.push(corpus, repository(hub, endpoint="http://127.0.0.1:9"))


@pytest.mark.parametrize("name", ["words", "a/b/c", "someone/wo rds", "someone/-words", "", "a/"])
def test_a_repository_needs_a_name_that_can_be(hub: Hub, corpus: Published, name: str) -> None:
    with pytest.raises(RecipeError, match="Repository must be named owner/name, was: "):
        pushing.push(corpus, repository(hub, name))
    assert hub.sent == []


def test_the_package_is_named_where_it_is_missing(
    corpus: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(name: str) -> None:
        raise ModuleNotFoundError(name, name=name)

    monkeypatch.setattr("xltpipe.errors.import_module", away)
    with pytest.raises(MissingExtraError, match=r'pip install "xltpipe\[hub\]"'):
        pushing.push(corpus, Repository(REPO, TOKEN))


def test_the_token_comes_from_a_file_or_the_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    assert pushing.token(file) == TOKEN
    monkeypatch.setattr("huggingface_hub.get_token", lambda: None)
    with pytest.raises(RecipeError, match="Token must be known, was: none; log in with"):
        pushing.token(None)
    with pytest.raises(RecipeError, match=r"must be a file to read, was: .*away"):
        pushing.token(tmp_path / "away")
    file.write_text("two words\n")
    with pytest.raises(RecipeError, match="one token and nothing else") as caught:
        pushing.token(file)
    assert "two words" not in str(caught.value)


# --- what may leave the store ---------------------------------------------------------------


def test_runs_are_found_by_the_beginning_of_their_id(made: Store, corpus: Published) -> None:
    assert published(made, corpus.run).run == corpus.run
    for wanted in ("nobody", ""):
        with pytest.raises(RecipeError, match=f"must be one of the catalogue's, was: {wanted!r}"):
            published(made, wanted)


def test_a_beginning_that_fits_two_runs_is_not_enough(own: Store) -> None:
    path = rerecord(own, run="toy-2")
    path.rename(path.with_name("toy-2.json"))
    shutil.copyfile(path.with_name("toy-2.json"), path)
    path.write_text(seal((unseal(path.read_bytes()) or {}) | {"run": "toy-3"}))
    with pytest.raises(RecipeError, match=r"told by the beginning of its id, was: 'to' .toy-[23],"):
        published(own, "to")


@pytest.mark.parametrize("state", ["failed", "running"])
def test_only_whole_runs_leave(own: Store, state: str) -> None:
    rerecord(own, state=state)
    with pytest.raises(DataError, match=f"Run must be completed, was: toy-.* {state}; run its"):
        published(own, "toy")


def test_a_run_without_a_corpus_has_nothing_to_push(own: Store) -> None:
    rerecord(own, outcomes=[])
    with pytest.raises(DataError, match=r"Run must have a corpus, was: toy-.* with none"):
        published(own, "toy")


def test_a_corpus_without_rows_stays(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    rules = RULES | {"target_words": {"min": 1000}}
    recipe = toy_recipe(tmp_path, rules=rules)
    outcome = Outcome("corpus", "spa")
    with recording(store, recipe) as outcomes:
        toy_run.materialise(recipe, store, "spa", outcome)
        outcomes.append(outcome)
    with pytest.raises(DataError, match="Corpus must hold rows, was: none kept by toy-"):
        published(store, "toy")


def test_a_recipe_of_another_version_is_told(own: Store) -> None:
    rerecord(own, recipe={"name": "toy", "spell": "abracadabra"})
    with pytest.raises(
        DataError, match="Run must be of a recipe that this version knows, was: toy"
    ):
        published(own, "toy")


def test_a_corpus_that_is_not_as_its_manifest_says_stays(own: Store) -> None:
    store = own
    folder = published(store, "toy").folder
    part = folder / "lang=spa" / "split=train" / "part-00001.parquet"
    whole = part.read_bytes()
    part.unlink()
    part.write_bytes(whole[:-1] + b"?")
    with pytest.raises(
        DataError, match="true to its manifest, was: lang=spa/split=train/part-0000"
    ):
        published(store, "toy")
    part.unlink()
    with pytest.raises(DataError, match=r"what its manifest lists, was: part-00001\.parquet in"):
        published(store, "toy")
    part.write_bytes(whole)
    (part.parent / "mine.parquet").write_bytes(whole)
    with pytest.raises(DataError, match=r"was: mine\.parquet in lang=spa"):
        published(store, "toy")
    (part.parent / "mine.parquet").unlink()
    (folder / "README.md").unlink()
    with pytest.raises(DataError, match="Corpus must have its card"):
        published(store, "toy")


# --- the command ----------------------------------------------------------------------------


def test_a_folder_gets_the_same_tree(made: Store, corpus: Published, tmp_path: Path) -> None:
    for number, place in enumerate(("./{}", "file://{}", "--to")):
        folder = tmp_path / f"copy {number}"
        (tmp_path / "copy 0").mkdir(exist_ok=True)  # an empty one will do
        where = {"repo": place.format(folder).removeprefix("./")}
        given = {"to": folder} if place == "--to" else where
        assert push("toy", **given, store=made.root.parent) == 0
        found = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
        assert {name: path.read_bytes() for name, path in found.items()} == local(corpus)
        assert pq.read_table(folder / "lang=spa", partitioning=None).num_rows == 6
    with pytest.raises(DataError, match="Folder must be new or empty, was: "):
        push("toy", to=tmp_path / "copy 0", store=made.root.parent)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["copy 0", "copy 1", "copy 2"]


def test_datasets_loads_the_copy(made: Store, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    push("toy", to=tmp_path / "copy", store=made.root.parent)
    cache = str(tmp_path / "cache")
    for lang in ("spa", "fra"):
        loaded = datasets.load_dataset(str(tmp_path / "copy"), lang, cache_dir=cache)
        assert {name: len(rows) for name, rows in loaded.items()} == {"train": 6}


def test_a_dry_run_says_all_and_sends_nothing(
    hub: Hub, made: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert push("toy", REPO, dry_run=True, store=made.root.parent) == 0
    said = capsys.readouterr().out
    assert "lang=fra/split=train/part-00001.parquet" in said
    assert "README.md" in said
    assert "CC BY 4.0" in said
    assert "name its authors" in said
    assert f"nothing was sent to {REPO}" in said
    assert hub.sent == []


def test_the_command_pushes(
    hub: Hub,
    made: Store,
    corpus: Published,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("huggingface_hub.hf_api.constants.ENDPOINT", hub.url)
    file = tmp_path / "token"
    file.write_text(TOKEN)
    assert push("toy", REPO, token_file=file, private=True, store=made.root.parent) == 0
    assert remote(hub) == local(corpus)
    said = capsys.readouterr()
    assert f"pushed 5 files to {hub.url}/datasets/{REPO}" in said.out
    assert TOKEN not in said.out + said.err


@pytest.mark.parametrize(
    ("licence", "words"),
    [
        (None, "training data train.conll: not stated .set `licence` on it in the recipe"),
        ("CC BY-ND 4.0", "training data train.conll: CC BY-ND 4.0; --accept-licences"),
        ("LDC User Agreement", "training data train.conll: LDC User Agreement"),
    ],
)
def test_a_licence_that_stands_against_it(
    own: Store, tmp_path: Path, licence: str | None, words: str
) -> None:
    recipe = json.loads(rerecord(own).read_text())["recipe"]
    recipe["train"]["licence"] = licence
    rerecord(own, recipe=recipe)
    where, data = tmp_path / "copy", own.root.parent
    with pytest.raises(RecipeError, match=f"must allow to pass the corpus on, was: {words}"):
        push("toy", to=where, store=data)
    assert not where.exists()
    assert push("toy", to=where, accept_licences=True, store=data) == 0
    assert (where / "README.md").is_file()


def test_one_place_to_go(made: Store, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="one place to go, was: none; name a repository"):
        push("toy", store=made.root.parent)
    with pytest.raises(RecipeError, match="one place to go, was: two"):
        push("toy", REPO, to=tmp_path / "copy", store=made.root.parent)


def test_the_command_line_says_it_in_one_line(
    made: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _main(["push", "nobody", REPO, "--store", str(made.root.parent)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: Run must be one of the catalogue's, was: 'nobody'")
    assert len(said.splitlines()) == 1

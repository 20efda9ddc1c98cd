"""Text towers' and tokenizers' files come from the hub once, whole, and into one folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from indexer.encoders.architecture import Architecture
from indexer.encoders.hub import Hub, Patience
from indexer.encoders.preprocess import Preprocessing
from indexer.encoders.text_files import TOKENIZER, local_text_files
from indexer.errors import HubError

if TYPE_CHECKING:
    from hub import HubSite

NAME = "org/words"


@pytest.fixture
def hub(hub_site: HubSite, tmp_path: Path) -> Hub:
    return Hub(hub_site.url, tmp_path / "cache", patience=Patience(2.0, 2.0, 0.01))


def architecture(folder: Path | None = None, **text: Any) -> Architecture:
    wanted = Preprocessing(size=16, mean=(0.5,) * 3, std=(0.5,) * 3)
    return Architecture("own", {"text_cfg": text}, wanted, folder)


def offline(hub: Hub) -> Hub:
    return Hub(hub.endpoint, hub.cache, offline=True)


def fill(site: HubSite) -> None:
    for file in ("tokenizer.json", "tokenizer_config.json", "config.json"):
        site.put(NAME, file, b"{}")


def test_a_tokenizer_lies_in_one_folder_and_is_asked_for_once(hub_site: HubSite, hub: Hub) -> None:
    fill(hub_site)
    wanted = architecture(hf_tokenizer_name=NAME, context_length=8)
    text = local_text_files(wanted, hub=hub)
    folder = Path(text["hf_tokenizer_name"])
    there = {file.name for file in folder.iterdir()}
    assert there == {"tokenizer.json", "tokenizer_config.json", "config.json"}
    assert text["context_length"] == 8
    asked = len(hub_site.asked)
    assert asked > len(TOKENIZER)  # what is not there was asked for, too
    assert local_text_files(wanted, hub=hub) == text
    assert local_text_files(wanted, hub=offline(hub)) == text
    assert len(hub_site.asked) == asked


def test_huggingface_hub_finds_what_was_fetched_and_knows_what_is_lacking(
    hub_site: HubSite, hub: Hub
) -> None:
    from huggingface_hub import _CACHED_NO_EXIST, try_to_load_from_cache

    fill(hub_site)
    text = local_text_files(architecture(hf_tokenizer_name=NAME), hub=hub)
    found = try_to_load_from_cache(NAME, "tokenizer.json", cache_dir=hub.cache)
    assert Path(str(found)).parent == Path(text["hf_tokenizer_name"])
    for file in ("added_tokens.json", "vocab.txt"):
        assert try_to_load_from_cache(NAME, file, cache_dir=hub.cache) is _CACHED_NO_EXIST


def test_a_text_tower_is_built_of_its_configuration_alone(hub_site: HubSite, hub: Hub) -> None:
    fill(hub_site)
    text = local_text_files(architecture(hf_model_name=NAME), hub=hub)
    assert (Path(text["hf_model_name"]) / "config.json").is_file()
    assert text["hf_model_pretrained"] is False  # its weights are among those of the model
    assert hub_site.heads() == [f"/{NAME}/resolve/main/config.json"]


def test_files_beside_a_configuration_are_taken_as_open_clip_does(
    tmp_path: Path, hub_site: HubSite, hub: Hub
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "config.json").write_text("{}")
    fill(hub_site)
    text = local_text_files(architecture(own, hf_tokenizer_name=NAME), hub=hub)
    assert Path(text["hf_tokenizer_name"]) != own  # a configuration is no tokenizer
    (own / "tokenizer.json").write_text("{}")
    asked = len(hub_site.asked)
    text = local_text_files(architecture(own, hf_tokenizer_name=NAME), hub=hub)
    assert Path(text["hf_tokenizer_name"]) == own
    assert local_text_files(architecture(hf_tokenizer_name=str(own)), hub=hub) == {
        "hf_tokenizer_name": str(own)
    }
    assert len(hub_site.asked) == asked


def test_a_model_with_its_own_tower_and_tokenizer_needs_no_hub(hub_site: HubSite, hub: Hub) -> None:
    assert local_text_files(architecture(width=8), hub=hub) == {"width": 8}
    assert not hub_site.asked


def test_what_is_there_does_where_the_hub_cannot_be_asked(hub_site: HubSite, hub: Hub) -> None:
    fill(hub_site)
    wanted = architecture(hf_tokenizer_name=NAME)
    with pytest.raises(HubError, match="HF_HUB_OFFLINE is set"):
        local_text_files(wanted, hub=offline(hub))
    hub.fetch(NAME, ("tokenizer.json",))
    folder = local_text_files(wanted, hub=offline(hub))["hf_tokenizer_name"]
    assert (Path(folder) / "tokenizer.json").is_file()


def test_a_towers_configuration_alone_is_no_tokenizer(hub_site: HubSite, hub: Hub) -> None:
    fill(hub_site)
    hub.fetch(NAME, ("config.json",))
    with pytest.raises(HubError, match=r"tokenizer\.json of org/words is not in"):
        local_text_files(architecture(hf_tokenizer_name=NAME), hub=offline(hub))


def test_a_repository_without_a_tokenizer_is_named(hub_site: HubSite, hub: Hub) -> None:
    hub_site.put(NAME, "config.json", b"{}")
    with pytest.raises(HubError, match=r"org/words at .* has no file tokenizer\.json or"):
        local_text_files(architecture(hf_tokenizer_name=NAME), hub=hub)


def test_a_repository_that_changed_meanwhile_gives_files_of_one_commit(
    hub_site: HubSite, hub: Hub
) -> None:
    fill(hub_site)
    local_text_files(architecture(hf_tokenizer_name=NAME), hub=hub)
    (ref,) = hub.cache.glob("models--*/refs/main")
    (snapshot,) = ref.parent.parent.glob("snapshots/*")
    snapshot.rename(snapshot.with_name("0" * 40))  # what the hub has now is another commit
    ref.write_text("0" * 40)
    (snapshot.with_name("0" * 40) / "tokenizer_config.json").unlink()  # and one is to be fetched
    text = local_text_files(architecture(hf_tokenizer_name=NAME), hub=hub)
    folder = Path(text["hf_tokenizer_name"])
    assert folder == snapshot
    there = {file.name for file in folder.iterdir()}
    assert there == {"tokenizer.json", "tokenizer_config.json", "config.json"}

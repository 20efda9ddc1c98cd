from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from indexer import Library, doctor, index_photos
from indexer.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import ColourEncoder, TurnedEncoder

    from indexer.doctor import Check

    Paint = Callable[..., Path]


@pytest.fixture(autouse=True)
def models(monkeypatch: pytest.MonkeyPatch, encoder: ColourEncoder) -> None:
    """Give the colour encoder for every name: models are looked at in tests of their own."""
    monkeypatch.setattr(doctor, "load_encoder", lambda name, **_: encoder)


@pytest.fixture
def filled(library: Library, photos: Path, paint: Paint, encoder: ColourEncoder) -> Path:
    paint(photos / "a.png", "red")
    paint(photos / "b.png", "blue")
    (photos / "a.txt").write_text("red")
    index_photos([photos], library, encoder)
    library.close()
    return library.path


def examined(path: Path) -> dict[str, Check]:
    return {check.subject: check for check in doctor.examine(path)}


def test_a_sound_library_has_nothing_wrong(filled: Path) -> None:
    checks = examined(filled)
    assert all(check.ok for check in checks.values())
    assert checks["catalog"].finding == "sound"
    assert checks["photos.faiss"].finding == "sound, 2 vectors"
    assert checks["captions.faiss"].finding == "sound, 1 vectors"
    assert checks["coverage"].finding == "every photo has its embedding"
    assert "library's model" in checks


def test_looking_changes_nothing(filled: Path) -> None:
    before = {file.name: file.stat().st_mtime_ns for file in filled.iterdir()}
    examined(filled)
    after = {file.name: file.stat().st_mtime_ns for file in filled.iterdir()}
    assert {name: after[name] for name in before} == before


def test_no_library_is_told_with_its_remedy(tmp_path: Path) -> None:
    check = examined(tmp_path / "nothing")["library"]
    assert not check.ok
    assert "sightseek index FOLDER" in check.finding
    assert not (tmp_path / "nothing").exists()


def test_a_model_that_cannot_be_had_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str, **_: object) -> None:
        raise BundleError("The bundle is damaged. Install again.")

    monkeypatch.setattr(doctor, "load_encoder", missing)
    check = examined(tmp_path)["model builtin"]
    assert (check.ok, check.finding) == (False, "The bundle is damaged. Install again.")


def test_a_damaged_snapshot_is_told_and_is_no_fault(filled: Path) -> None:
    (filled / "photos.faiss").write_bytes(b"")
    check = examined(filled)["photos.faiss"]
    assert check.ok
    assert "writes it anew" in check.finding


def test_a_photo_without_its_embedding_is_a_fault(filled: Path) -> None:
    with Library.open(filled, writable=True) as library, library.writing() as connection:
        connection.exec_driver_sql("DELETE FROM image_embedding WHERE id = 1")
    check = examined(filled)["coverage"]
    assert not check.ok
    assert check.finding.startswith("1 photos lack")
    assert "a.png" in check.finding


def test_only_the_space_that_searches_use_must_be_covered(
    filled: Path, turned: TurnedEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Library.open(filled, writable=True) as library:
        library.use_space(turned.space, switch=True)  # and not one photo in it
    assert examined(filled)["coverage"].ok
    monkeypatch.setattr(doctor, "load_encoder", lambda name, **_: turned)
    check = examined(filled)["library's model"]
    assert not check.ok
    assert "do not compare" in check.finding


def test_a_catalog_that_is_no_database_is_a_fault(filled: Path) -> None:
    (filled / "catalog.sqlite").write_bytes(b"hello " * 1000)
    check = examined(filled)["library"]
    assert not check.ok
    assert "Restore it from a backup" in check.finding


def test_a_package_that_pip_does_not_know_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(name: str) -> str:
        raise doctor.PackageNotFoundError(name)

    monkeypatch.setattr(doctor, "version", unknown)
    assert "not installed by pip" in examined(tmp_path)["packages"].finding

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from indexer.encoders.verified import read_verified, verified
from indexer.errors import BundleError

if TYPE_CHECKING:
    from pathlib import Path

CONTENT = b"tower" * 7_000_000  # more than is hashed at once
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def tower(tmp_path: Path) -> Path:
    path = tmp_path / "text.onnx"
    path.write_bytes(CONTENT)
    return path


def test_what_the_manifest_names_is_read(tower: Path) -> None:
    assert read_verified(tower, DIGEST) == CONTENT
    with verified(tower, DIGEST):
        assert tower.read_bytes() == CONTENT


def test_another_file_is_refused_before_it_is_read(tower: Path) -> None:
    tower.write_bytes(CONTENT[:-1] + b"?")
    with pytest.raises(BundleError, match="another SHA-256"):
        read_verified(tower, DIGEST)
    with pytest.raises(BundleError, match="another SHA-256"), verified(tower, DIGEST):
        pytest.fail("it was read")


@pytest.mark.parametrize("content", [CONTENT[:-1], b"x" * len(CONTENT)])
def test_a_file_that_is_written_anew_while_it_is_read_is_refused(
    tower: Path, content: bytes
) -> None:
    beside = tower.with_name("beside")
    beside.write_bytes(content)
    with pytest.raises(BundleError, match="another SHA-256"), verified(tower, DIGEST):
        os.replace(beside, tower)  # noqa: PTH105


def test_a_file_that_is_gone_is_said_to_be(tower: Path) -> None:
    with pytest.raises(BundleError, match="cannot be read"), verified(tower, DIGEST):
        tower.unlink()
    with pytest.raises(BundleError, match="cannot be read"):
        read_verified(tower, DIGEST)

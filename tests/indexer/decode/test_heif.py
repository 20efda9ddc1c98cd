from __future__ import annotations

import base64
import sys
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.decode.photo import decode
from indexer.errors import DecodeError

# 64 x 32 pixels, red then blue, to be turned right; written by pillow-heif (x265) for this test
HEIC = base64.b64decode(
    """
AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAchtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAA
AAAAADRpbG9jAAAAAERAAAIAAQAAAAAB7AABAAAAAAAAAIcAAgAAAAACcwABAAAAAAAAADgAAAA4aWluZgAAAAAAAgAAABVp
bmZlAgAAAAABAABodmMxAAAAABVpbmZlAgAAAQACAABFeGlmAAAAAA5waXRtAAAAAAABAAABB2lwcnAAAADmaXBjbwAAAHZo
dmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQAqQgEBA3AAAAMAkAAA
AwAAAwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkAAAATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAA
AAAAQAAAAEAAAAAoY2xhcAAAAEAAAAABAAAAIAAAAAEAAAAAAAAAAv///+AAAAACAAAAEHBpeGkAAAAAAwgICAAAAAlpcm90
AwAAABlpcG1hAAAAAAAAAAEAAQaBAgMFhIYAAAAaaXJlZgAAAAAAAAAOY2RzYwACAAEAAQAAAMdtZGF0AAAAgygBrwngPfMi
///yPzf//LDOy/vFxFe//8dbw7/Ulg//5BV6YSgwK4fJZOV/OjuvTe0nzRSLF6VXROUsfyV5YE0dz5ScPKu0k7mrR5Zm03rO
8lbypFTqxOw5etvY1hyVJ2YWxFMxWkiECHU6E8t7/aXrC6g/pw39+aqK+UFz2Mj7hoeOAAAABkV4aWYAAE1NACoAAAAIAAIB
DwACAAAABwAAACYBEgADAAAAAQAGAAAAAAAAVGVzdGVyAAA=
"""
)


def test_a_heic_photo_is_decoded_upright() -> None:
    pytest.importorskip("pi_heif", reason="the extra `heif` is not installed")
    decoded = decode(HEIC, path=Path("a.jpg"), min_side=None)
    facts = decoded.facts
    assert (facts.format, facts.width, facts.height, facts.camera) == ("HEIF", 32, 64, "Tester")
    assert decoded.image.size == (32, 64)
    assert np.allclose(decoded.image.getpixel((16, 8)), (255, 0, 0), atol=8)
    assert np.allclose(decoded.image.getpixel((16, 56)), (0, 0, 255), atol=8)


def test_the_cap_holds_for_heic() -> None:
    pytest.importorskip("pi_heif", reason="the extra `heif` is not installed")
    with pytest.raises(DecodeError, match="32 x 64 pixels, more than the 100 allowed"):
        decode(HEIC, path=Path("a.heic"), min_side=None, max_pixels=100)


@pytest.mark.filterwarnings("ignore")
def test_damaged_heic_is_an_error_and_no_crash() -> None:
    pytest.importorskip("pi_heif", reason="the extra `heif` is not installed")
    for at in range(28, len(HEIC), 3):
        for damaged in (HEIC[:at], HEIC[:at] + b"\xff" + HEIC[at + 1 :]):
            with suppress(DecodeError):
                decode(damaged, path=Path("a.heic"), min_side=None, max_pixels=10_000)


def test_a_missing_extra_names_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    with pytest.raises(DecodeError) as raised:
        decode(HEIC, path=Path("a.heic"), min_side=None)
    assert str(raised.value) == "HEIC photos need an extra: pip install 'sightseek[heif]'"


def test_avif_in_a_general_container_needs_no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    data = BytesIO()
    Image.new("RGB", (16, 16), (255, 0, 0)).save(data, "AVIF")
    general = data.getvalue().replace(b"ftypavif", b"ftypmif1", 1)
    assert decode(general, path=Path("a.heif"), min_side=None).facts.format == "AVIF"

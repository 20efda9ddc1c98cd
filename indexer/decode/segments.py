"""A JPEG's segments (ISO/IEC 10918-1, annex B), as far as its metadata go. Decodes nothing."""

from __future__ import annotations

_APP1, _APP13 = 0xE1, 0xED  # EXIF and XMP; IPTC


def without_metadata(data: bytes) -> bytes:
    """Leave out the segments of EXIF, XMP and IPTC that stand before the image's own."""
    kept = [data[:2]]
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and 0xE0 <= data[at + 1] <= 0xEF:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 1] not in {_APP1, _APP13}:
            kept.append(data[at:end])
        at = end
    return b"".join((*kept, data[at:]))

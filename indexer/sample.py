"""Where the sample collection lies: real photos with captions that come with sightseek."""

from __future__ import annotations

from pathlib import Path

from indexer.errors import PathNotFoundError


def sample_folder() -> Path:
    """Return the folder of the sample photos, as installed or in a checkout."""
    installed = Path(__file__).parent / "samples"
    checkout = Path(__file__).parent.parent / "data" / "sample"
    for folder in (installed, checkout):
        if (folder / "captions.csv").is_file():
            return folder
    raise PathNotFoundError(
        "The sample photos are missing from this installation. Install sightseek again."
    )

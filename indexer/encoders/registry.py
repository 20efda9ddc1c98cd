"""Names to encoders. Knows which models there are, and nothing of how they run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from indexer.encoders import exported
from indexer.encoders.bundle import BundleEncoder
from indexer.encoders.names import BUILTIN, Builtin, Bundle, parse_name
from indexer.errors import UnknownModelError, UsageError

if TYPE_CHECKING:
    from indexer.encoders import Encoder
    from indexer.encoders.devices import Wanted
    from indexer.encoders.zoo import OnNote, OnProgress

BUILTIN_FOLDER = Path(__file__).parent / "builtin"


def load_encoder(
    name: str,
    *,
    device: Wanted = "auto",
    for_queries: bool = False,
    exact: bool = False,
    compiled: bool = False,
    threads: int | None = None,
    make: bool = True,
    on_progress: OnProgress | None = None,
    on_note: OnNote | None = None,
) -> Encoder:
    """Load the encoder called `name`; what it needs is fetched and prepared, once.

    A model of open_clip runs in torch on a GPU, and as a bundle on a CPU. `for_queries` prefers
    the bundle, since few texts do not pay for a GPU; `exact` computes in fp32 and `compiled` with
    `torch.compile`, both in torch; `threads` are for bundles; without `make`, what is not ready on
    this machine is refused. Raises ModelError, and UsageError
    where a bundle is asked to run on a GPU.
    """
    try:
        parsed = parse_name(name)
    except UnknownModelError:
        if (made := exported.find_named(name)) is None:
            raise
        # the weights are gone, and what was made of them is not
        return BundleEncoder.load(made, name=name, threads=threads)
    if isinstance(parsed, Builtin | Bundle):
        if device in {"cuda", "mps"}:
            raise UsageError(
                f"The model {name} is a bundle, and bundles run on the CPU. Leave out --device "
                f"{device}, or choose a model of open_clip such as clip."
            )
        folder = BUILTIN_FOLDER if isinstance(parsed, Builtin) else parsed.folder
        own_name = BUILTIN if isinstance(parsed, Builtin) else None
        return BundleEncoder.load(folder, name=own_name, threads=threads)
    from indexer.encoders import zoo  # with all that speaks to a hub: bundles need none of it

    loading = zoo.Loading(
        device=device,
        exact=exact,
        compiled=compiled,
        threads=threads,
        make=make,
        on_progress=on_progress,
        on_note=on_note,
    )
    return zoo.load(parsed, loading, for_queries=for_queries)


def bundle_folder(name: str) -> Path:
    """Find the folder of the bundle called `name`; raises UnknownModelError."""
    parsed = parse_name(name)
    if isinstance(parsed, Builtin):
        return BUILTIN_FOLDER
    if isinstance(parsed, Bundle):
        return parsed.folder
    raise UnknownModelError(
        f"{name} is no bundle. Make one of it with `sightseek models export {name}`."
    )


def canonical_name(name: str) -> str:
    """Give the name of a model's space: it is found from any folder. Raises UnknownModelError."""
    parsed = parse_name(name)
    if isinstance(parsed, Builtin):
        return BUILTIN
    if isinstance(parsed, Bundle):
        return str(parsed.folder.resolve())
    from indexer.encoders import zoo

    return zoo.canonical_name(parsed)


def is_known(name: str) -> bool:
    """Tell whether a name means a model, sound or not."""
    try:
        parse_name(name)
    except UnknownModelError:
        return False
    return True

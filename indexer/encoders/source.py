"""open_clip's models as open_clip builds them, with weights from a file. Runs none of them."""

from __future__ import annotations

import contextlib
import logging
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from indexer.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from indexer.encoders.architecture import Architecture


@dataclass(frozen=True, slots=True)
class Source:
    """A model of open_clip with its weights, on the CPU in fp32, and its tokenizer."""

    architecture: Architecture
    model: Any  # open_clip.CLIP, CustomTextCLIP or CoCa
    tokenizer: Any  # of open_clip


def load_source(architecture: Architecture, weights: Path | None, *, name: str) -> Source:
    """Build a model and put its weights in; `name` is what they are called in messages.

    Without weights they are random, from torch's seed. Raises CheckpointError and HubError.
    """
    from indexer.encoders.hub import prepare_environment

    prepare_environment()
    import open_clip

    from indexer.encoders.checkpoint import load_checkpoint
    from indexer.encoders.text_files import local_text_files

    text = local_text_files(architecture)
    own = architecture.folder
    identifier = architecture.name if own is None else f"local-dir:{own}"
    with quiet():
        try:
            model = open_clip.create_model(
                identifier, load_weights=False, pretrained_text=False, text_cfg=text
            )
            tokenizer = _tokenizer(identifier, architecture, text)
        except (TypeError, ValueError, RuntimeError, KeyError, AttributeError, OSError) as error:
            raise CheckpointError(
                f"open_clip {open_clip.__version__} cannot build {architecture.name}: "
                f"{first_line(error)}. Upgrade open-clip-torch, or name another model."
            ) from error
    if weights is not None:
        load_checkpoint(model, weights, name)
    model.requires_grad_(requires_grad=False)
    return Source(architecture, model.eval(), tokenizer)


def _tokenizer(identifier: str, architecture: Architecture, text: dict[str, Any]) -> Any:
    """Make the tokenizer that `open_clip.get_tokenizer` makes, of files that are here."""
    import open_clip
    from open_clip.tokenizer import HFTokenizer

    folder = text.get("hf_tokenizer_name")
    if not folder:
        return open_clip.get_tokenizer(identifier)
    options = dict(text.get("tokenizer_kwargs") or {})
    mode = text.get("tokenizer_mode")
    return HFTokenizer(
        folder, context_length=architecture.context_length, tokenizer_mode=mode, **options
    )


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what open_clip and its parts tell of themselves from the user."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def first_line(error: BaseException) -> str:
    """Give what an error says, for a message of one line."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__

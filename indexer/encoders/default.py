"""Which model a new library gets when none is named. Decides, and downloads nothing."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexer.encoders.hub import Hub, host
from indexer.encoders.names import BUILTIN
from indexer.encoders.presets import PRESETS, Preset
from indexer.encoders.weights import Source, cached
from indexer.errors import HubError

if TYPE_CHECKING:
    from pathlib import Path

VARIABLE = "SIGHTSEEK_MODEL"
PREFERRED = PRESETS[0]


@dataclass(frozen=True, slots=True)
class Choice:
    """A model's name, and in one line why it and how to have another."""

    name: str
    reason: str
    may_change: bool = False  # where its weights cannot be had after all


def choose_default(*, hub: Hub | None = None) -> Choice:
    """Choose `clip` where its weights are there or can be had, and `builtin` otherwise.

    The hub is asked once, for as long as its patience for an answer is (5 s).
    """
    named = os.environ.get(VARIABLE)
    if named:
        return Choice(named, f"{named}, which {VARIABLE} names; --model NAME names another.")
    hub = hub or Hub.from_environment()
    source = Source(PREFERRED.repository, PREFERRED.files)
    if (path := cached(source, hub=hub)) is not None:
        return _preferred(f"its weights are in {_home(path, hub)}")
    if hub.offline:
        return _builtin("HF_HUB_OFFLINE is set", PREFERRED)
    try:
        size = hub.find(source.repository, source.files[:1]).remote.size
    except HubError:
        return _builtin(f"{host(hub.endpoint)} does not offer {PREFERRED.name} now", PREFERRED)
    return _preferred(f"{host(hub.endpoint)} has its weights ({size / 1e6:,.0f} MB, once)")


def without_network(error: HubError) -> Choice:
    """Choose `builtin` after a download that did not end well."""
    return _builtin(f"{PREFERRED.name} could not be fetched: {error}".rstrip("."), PREFERRED)


def _preferred(why: str) -> Choice:
    reason = f"{PREFERRED.name}, since {why}; --model {BUILTIN} needs neither network nor download."
    return Choice(PREFERRED.name, reason, may_change=True)


def _builtin(why: str, other: Preset) -> Choice:
    later = f"`sightseek index --model {other.name}` changes to one that finds more, later."
    return Choice(BUILTIN, f"{BUILTIN}, since {why}; {later}")


def _home(path: Path, hub: Hub) -> Path:
    return hub.cache if path.is_relative_to(hub.cache) else path.parent

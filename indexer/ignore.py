"""gitignore's rules: which paths a user wants left out. Reads only the ignore files themselves.

Patterns are pathspec's. The verdict is git's own (gitignore(5)): the last pattern that matches the
path itself decides, since a folder that is left out is never entered; pathspec also lets
patterns speak for all that lies beneath, and so re-includes more than git does.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pathspec import GitIgnoreSpec

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable

IGNORE_FILE = ".sightseekignore"


@dataclass(frozen=True, slots=True)
class Rules:
    """What one list of patterns says of the paths under its folder; the strongest comes first."""

    base: str
    patterns: tuple[tuple[re.Pattern[str], bool], ...]

    @classmethod
    def parse(cls, lines: Iterable[str], *, base: str) -> Rules:
        """Read patterns that are relative to the folder `base`. Raises ValueError."""
        patterns = reversed(list(GitIgnoreSpec.from_lines(lines).patterns))
        found = ((each.regex, each.include) for each in patterns)
        return cls(base, tuple((regex, bool(ignored)) for regex, ignored in found if regex))

    @classmethod
    def read(cls, folder: str) -> Rules:
        """Read a folder's own ignore file. Raises OSError, ValueError."""
        text = Path(folder, IGNORE_FILE).read_text("utf-8-sig", errors="surrogateescape")
        return cls.parse([line.removesuffix("\r") for line in text.split("\n")], base=folder)

    def verdict(self, path: str, *, is_folder: bool) -> bool | None:
        """Tell whether `path` is ignored (True), expressly kept (False) or not mentioned (None)."""
        relative = path[len(self.base) :].lstrip(os.sep).replace(os.sep, "/")
        name = relative + "/" if is_folder else relative
        return next((ignored for regex, ignored in self.patterns if _names(regex, name)), None)


def _names(regex: re.Pattern[str], name: str) -> bool:
    """Tell whether a pattern matches the path itself, and not only a folder above it."""
    if regex.groupindex:  # the group is the slash after a folder's name
        return any(match.end() == len(name) for match in regex.finditer(name))
    match = regex.search(name)
    # `folder/**` means what is in the folder, not the folder
    return match is not None and not (name.endswith("/") and match.end() == len(name))

"""The tools that assistants call: what they take, and the answer of each.

Parameters and results are told to assistants as they are annotated here, when the SDK reads them.
"""
# without postponed annotations: the SDK evaluates them, and so their names must be there

from collections.abc import Sequence
from typing import Annotated, TypeAlias

from mcp_types import CallToolResult, ContentBlock
from pydantic import Field

from search.mcp import asking, content
from search.mcp.models import Captions, Photo, Photos, Status
from search.mcp.pictures import Pictures
from search.query import CUT_OFF
from search.web.desk import Desk

_MOST_RESULTS, _MOST_PICTURES = 100, 12

_LANGUAGE = """\
What photos show, in a few words, as a caption would say it; English and Chinese are known to most
models. `a + b` and `a - b` between two texts, alone between spaces, add and subtract; `2:text`
weighs one. Filters are words of the text, and all must hold: after:2021-05 before:2023
camera:"pixel 7" lens:50mm near:48.8584,2.2945,5 place:Paris folder:Holidays orientation:portrait
min-size:1920x1080 format:jpeg rating:4.. keyword:cat has:gps; -keyword:cat asks for the others.
-word is less of a word. Quotes keep words together; a backslash before a word takes it as it is."""

Limit: TypeAlias = Annotated[
    int, Field(ge=1, le=_MOST_RESULTS, description="How many results at most.")
]
Confidence: TypeAlias = Annotated[
    float, Field(ge=0, le=1, description="Leave out what is less sure than this.")
]
Thumbnails: TypeAlias = Annotated[
    int,
    Field(
        ge=0,
        le=_MOST_PICTURES,
        description="Of how many of the first photos to see a small picture; 0 for none.",
    ),
]
Id: TypeAlias = Annotated[int, Field(ge=1, lt=2**63)]
PhotoId: TypeAlias = Annotated[Id | None, Field(description="Its id, as search_photos tells it.")]
PhotoPath: TypeAlias = Annotated[
    str, Field(description="Or its path, if the library holds it; no other file is read.")
]


class Tools:
    """What assistants may ask of one library. Every answer is typed, and readable as text."""

    def __init__(self, desk: Desk, pictures: Pictures) -> None:
        self._desk = desk
        self._pictures = pictures

    def search_photos(
        self,
        *,
        text: Annotated[str, Field(description=_LANGUAGE)],
        limit: Limit = 10,
        min_confidence: Confidence = CUT_OFF,
        thumbnails: Thumbnails = 4,
    ) -> Annotated[CallToolResult, Photos]:
        """Find photos of the user's library by what they show, by words said of them, by facts.

        The best come first; filters alone list the photos that pass them, newest first.
        `confidence` is the share of right photos to expect among those that show this figure:
        below 0.2 a photo is likely none of what was asked for.
        """
        found = asking.search_photos(self._desk, text, limit=limit, min_confidence=min_confidence)
        return self._photos(found, thumbnails)

    def similar_photos(
        self,
        *,
        photo_id: PhotoId = None,
        path: PhotoPath = "",
        text: Annotated[str, Field(description=f"What they shall show besides. {_LANGUAGE}")] = "",
        unlike: Annotated[
            list[Id], Field(max_length=100, description="Ids of photos to be less like.")
        ] = [],  # noqa: B006 - it is read as the default of a schema, and never changed
        limit: Limit = 10,
        min_confidence: Confidence = 0.0,
        thumbnails: Thumbnails = 4,
    ) -> Annotated[CallToolResult, Photos]:
        """Find photos that look like a photo of the user's library."""
        photo = asking.library_photo(self._desk, photo_id=photo_id, path=path)
        found = asking.similar_photos(
            self._desk,
            photo,
            text=text,
            unlike=unlike,
            limit=limit,
            min_confidence=min_confidence,
        )
        return self._photos(found, thumbnails)

    def photo_captions(
        self,
        *,
        photo_id: PhotoId = None,
        path: PhotoPath = "",
        limit: Limit = 10,
        thumbnail: Annotated[bool, Field(description="Whether to add a small picture.")] = True,
    ) -> Annotated[CallToolResult, Captions]:
        """Rank the library's captions for one of its photos: which texts tell what it shows.

        Its own captions are told apart from those of other photos that would describe it, too.
        """
        photo = asking.library_photo(self._desk, photo_id=photo_id, path=path)
        found = asking.photo_captions(self._desk, photo, limit=limit)
        blocks = self._blocks([found.photo], int(thumbnail))
        return content.answer(found, content.captions_text(found), *blocks)

    def library_status(self) -> Annotated[CallToolResult, Status]:
        """Tell what the user's photo library holds, and whether it can be searched now."""
        found = asking.library_status(self._desk)
        return content.answer(found, content.status_text(found))

    def _photos(self, found: Photos, thumbnails: int) -> CallToolResult:
        photos = [hit.photo for hit in found.photos]
        return content.answer(found, content.photos_text(found), *self._blocks(photos, thumbnails))

    def _blocks(self, photos: Sequence[Photo], thumbnails: int) -> list[ContentBlock]:
        small = self._pictures.small([photo.id for photo in photos[:thumbnails]])
        return content.links(photos) + content.pictures(small)

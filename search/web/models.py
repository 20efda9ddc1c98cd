"""What the API takes and gives, as typed values (pydantic). Knows no library and no HTTP."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from search.query import Channel, Target
from search.results import Doubt

# RFC 3339's date-time has an offset; of most photos nobody recorded one
Moment = Annotated[
    datetime,
    WithJsonSchema(
        {
            "type": "string",
            "description": "By the camera's clock, ISO 8601; with an offset where it recorded one.",
            "examples": ["2021-05-17T12:30:00"],
        }
    ),
]


class Model(BaseModel):
    """A value of the API: what it does not know is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Keyword(Model):
    """A word that someone or something gave a photo."""

    text: str
    source: Literal["embedded", "sidecar", "labels"]
    score: float | None = None


class Photo(Model):
    """A photo of the library. Its pictures are at `/api/v1/photos/{id}/...?v={version}`."""

    id: int
    version: str = Field(description="Changes when the content does: for URLs that may be cached.")
    name: str
    folder: str
    width: int = Field(description="Pixels, upright.")
    height: int
    format: str
    taken_at: Moment | None = None
    camera: str | None = None
    lens: str | None = None
    latitude: float | None = Field(None, description="Degrees, north positive.")
    longitude: float | None = Field(None, description="Degrees, east positive.")
    title: str | None = None
    description: str | None = None
    place: str | None = None
    focal_length: float | None = Field(None, description="mm")
    aperture: float | None = Field(None, description="The f-number.")
    iso: int | None = None
    rating: int | None = Field(None, description="Stars, 0 to 5; -1 where it was rejected.")
    keywords: tuple[Keyword, ...] = ()


class Caption(Model):
    """A caption of the library."""

    id: int
    text: str
    language: str | None = None
    photo: int = Field(description="The id of the photo that it describes.")


class PhotoDetails(Photo):
    """A photo, with what a page shows of one alone."""

    size: int = Field(description="Bytes of its file.")
    media_type: str = Field(description="Of the original.")
    is_displayable: bool = Field(description="Whether browsers show the original itself.")
    captions: tuple[Caption, ...] = Field(description="Those that are its own.")


class FoundBy(Model):
    """Where one channel placed a hit."""

    channel: Channel
    rank: int
    score: float
    caption: str | None = None


class Stacked(Model):
    """A photo that shows the same as a better hit, and why it counts as such."""

    photo: Photo
    kind: Literal["exact", "copy", "crop", "burst"]


class Hit(Model):
    """One result. Of photos that were only listed, `score` and `confidence` are null."""

    rank: int
    score: float | None = Field(None, description="The cosine.")
    confidence: float | None = Field(None, description="Expected share of right ones, 0 to 1.")
    is_good: bool = Field(True, description="False behind the line where good matches end.")
    photo: Photo
    caption: Caption | None = Field(None, description="Set when captions were searched for.")
    told: str | None = Field(None, description="The caption by which it was found, if any.")
    found_by: tuple[FoundBy, ...] = ()
    stack: tuple[Stacked, ...] = ()


class Edits(Model):
    """Whole texts of a query, as they would be after one change."""

    without: str
    negated: str | None = None
    heavier: str | None = None
    lighter: str | None = None


class Term(Model):
    """A part of a query that ranks: `photo` is one that was handed over, by its key."""

    kind: Literal["text", "photo"]
    value: str
    weight: float
    written: str
    edits: Edits | None = Field(None, description="Of texts; a photo is not in the text.")


class Filter(Model):
    """A part of a query that leaves photos out."""

    key: str
    value: str
    is_negated: bool
    written: str
    edits: Edits


class AskedFor(Model):
    """A query as it was understood."""

    text: str = Field(description="The whole text in its canonical form.")
    terms: tuple[Term, ...]
    filters: tuple[Filter, ...]
    photo: str | None = Field(None, description="The key of the photo that was handed over.")
    like: tuple[int, ...] = ()
    unlike: tuple[int, ...] = ()
    target: Target = "photos"


class Found(Model):
    """A page of results."""

    query: AskedFor
    is_ranked: bool = Field(description="False where photos are only listed, newest first.")
    hits: tuple[Hit, ...]
    next: str | None = Field(description="The cursor of the next page; null at the end.")
    total: int = Field(description="How many the library has that pass the filters.")
    cut_off: float | None = Field(description="The confidence of good matches; null for none.")
    doubt: Doubt | None = None
    model: str | None


class Captions(Model):
    """Captions of the library for a photo, best first."""

    hits: tuple[Hit, ...]
    next: str | None = None


class Duplicates(Model):
    """Photos that show the same as one."""

    photo: int
    others: tuple[Stacked, ...]


class FacetValue(Model):
    """One value of a facet. `text` is the query with this value put in, or taken out again."""

    value: str
    label: str
    count: int
    is_selected: bool = False
    text: str


class Facets(Model):
    """What the photos that pass the filters are like, counted."""

    total: int
    months: tuple[FacetValue, ...] = Field(description="`2021-05`, oldest first, without gaps.")
    undated: int
    cameras: tuple[FacetValue, ...]
    folders: tuple[FacetValue, ...]
    orientations: tuple[FacetValue, ...]
    formats: tuple[FacetValue, ...]
    keywords: tuple[FacetValue, ...]
    ratings: tuple[FacetValue, ...]


class Completion(Model):
    """One way to go on with a text: `text` is the whole of it then, with the caret at `caret`."""

    label: str
    detail: str | None = None
    text: str
    caret: int


class Completions(Model):
    """Ways to go on with a text, best first."""

    completions: tuple[Completion, ...]


class Progress(Model):
    """How far a run of the indexer is."""

    is_running: bool
    stage: str | None = None
    done: int = 0
    total: int = 0
    photos: int = Field(0, description="In the library now.")


class Status(Model):
    """The library, and who serves it."""

    version: str
    state: Literal["ready", "empty", "missing", "unusable"]
    problem: str | None = Field(None, description="Why it is unusable, with the remedy.")
    library: str
    model: str | None = None
    photos: int = 0
    captions: int = 0
    skipped: int = 0
    indexing: Progress


class Problem(BaseModel):
    """What went wrong: application/problem+json, RFC 9457."""

    type: Annotated[str, Field(examples=["urn:sightseek:problem:usage"])]
    title: str
    status: int
    detail: str | None = None
    instance: str | None = None

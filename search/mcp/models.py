"""What the tools answer, as typed values (pydantic). Knows no library and no protocol."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

State: TypeAlias = Literal["ready", "empty", "missing", "unusable"]


class Model(BaseModel):
    """A value that a tool answers with; what is not known is left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Photo(Model):
    """A photo of the library."""

    id: int
    path: str
    picture: str = Field(description="URI of a resource: the photo as an image, up to 1280 pixels.")
    width: int = Field(description="Pixels, upright.")
    height: int
    format: str
    taken_at: datetime | None = None
    camera: str | None = None
    lens: str | None = None
    latitude: float | None = Field(default=None, description="Degrees, north positive.")
    longitude: float | None = Field(default=None, description="Degrees, east positive.")
    title: str | None = None
    description: str | None = None
    place: str | None = None
    rating: int | None = Field(default=None, description="Stars, 0 to 5; -1 where it was rejected.")
    keywords: tuple[str, ...] | None = None


class Hit(Model):
    """A photo that was found."""

    rank: int
    score: float | None = Field(
        default=None, description="The cosine; absent where photos are listed."
    )
    confidence: float | None = Field(
        default=None, description="Expected share of right ones, 0 to 1."
    )
    photo: Photo
    told: str | None = Field(default=None, description="The caption by which it was found.")
    same: tuple[int, ...] | None = Field(
        default=None, description="Ids of photos that show the same."
    )


class Photos(Model):
    """Photos that were found, best first."""

    query: str = Field(description="The query as it was understood.")
    is_ranked: bool = Field(
        default=True, description="False where photos are only listed, newest first."
    )
    total: int | None = Field(
        default=None, description="How many there are, where they are listed."
    )
    photos: tuple[Hit, ...]
    less_sure: int = Field(default=0, description="How many were left out: of a lower confidence.")
    closest: Hit | None = Field(
        default=None, description="The best of those, where no other was found."
    )
    note: str | None = Field(default=None, description="What is worth knowing beside the photos.")


class Caption(Model):
    """A caption of the library, with the photo that it describes."""

    rank: int
    score: float = Field(description="The cosine between photo and caption.")
    confidence: float | None = Field(
        default=None, description="Expected share of right ones, 0 to 1."
    )
    text: str
    language: str | None = None
    photo: int = Field(description="The id of the photo that it describes.")
    path: str


class Captions(Model):
    """Captions of the library for a photo."""

    photo: Photo
    own: tuple[str, ...] = Field(description="Those that are the photo's own.")
    captions: tuple[Caption, ...] = Field(description="The library's, best first.")
    note: str | None = Field(default=None, description="What is worth knowing beside the captions.")


class Progress(Model):
    """How far a run of the indexer is."""

    stage: str
    done: int
    total: int


class Status(Model):
    """What the library holds."""

    state: State
    library: str = Field(description="Its folder.")
    problem: str | None = Field(
        default=None, description="Why it cannot be searched, with the remedy."
    )
    model: str | None = None
    photos: int = 0
    captions: int = 0
    skipped: int = Field(default=0, description="Files that could not be read.")
    with_date: int = 0
    with_position: int = 0
    with_rating: int = 0
    with_keywords: int = 0
    indexing: Progress | None = Field(default=None, description="Of a run that fills it now.")

"""Answers as the OpenAPI document shows them: values of the models, so that they cannot drift."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from search.line import read_line
from search.web import models
from search.web.rendering import asked_for

if TYPE_CHECKING:
    from pydantic import BaseModel

_PHOTO = models.Photo(
    id=17,
    version="b3499d13de71cce74a6eda577ba948d8",
    name="IMG_2041.jpg",
    folder="/home/ada/Photos/2021/Beach",
    width=4032,
    height=3024,
    format="JPEG",
    taken_at=datetime(2021, 5, 17, 12, 30),  # noqa: DTZ001 - a camera's clock has no zone
    camera="Google Pixel 5",
    latitude=54.4,
    longitude=18.6,
    keywords=(models.Keyword(text="beach", source="embedded"),),
)
_COPY = _PHOTO.model_copy(
    update={"id": 18, "name": "IMG_2041-small.jpg", "width": 1008, "height": 756}
)
_CAPTION = models.Caption(id=5, text="a dog runs along the beach", language="en", photo=17)
_STACKED = models.Stacked(photo=_COPY, kind="copy")
_FOUND_BY = models.FoundBy(channel="image", rank=1, score=0.2731)
_HIT = models.Hit(
    rank=1,
    score=0.2731,
    confidence=0.82,
    photo=_PHOTO,
    told=_CAPTION.text,
    found_by=(
        _FOUND_BY,
        models.FoundBy(channel="caption", rank=2, score=0.8142, caption=_CAPTION.text),
    ),
    stack=(_STACKED,),
)
_QUERY = read_line("a dog on a beach - boat after:2021")

ASKED_FOR = asked_for(_QUERY)
FOUND = models.Found(
    query=ASKED_FOR,
    is_ranked=True,
    hits=(_HIT,),
    next="WzYwLCAiNDhjODA1NWZhYTVkNzZiMCIsICIxOGViIiwgbnVsbCwgMF0",
    total=1204,
    cut_off=0.2,
    model="builtin",
)
DETAILS = models.PhotoDetails(
    **dict(_PHOTO),
    size=3_145_728,
    media_type="image/jpeg",
    is_displayable=True,
    captions=(_CAPTION,),
)
CAPTIONS = models.Captions(
    hits=(models.Hit(rank=1, score=0.2954, confidence=0.71, photo=_PHOTO, caption=_CAPTION),)
)
DUPLICATES = models.Duplicates(photo=17, others=(_STACKED,))
COMPLETIONS = models.Completions(
    completions=(
        models.Completion(
            label="Google Pixel 5",
            detail="312",
            text='a dog camera:"Google Pixel 5" ',
            caret=30,
        ),
    )
)


def _value(value: str, count: int, text: str, *, is_selected: bool = False) -> models.FacetValue:
    return models.FacetValue(
        value=value, label=value, count=count, is_selected=is_selected, text=text
    )


FACETS = models.Facets(
    total=1204,
    months=(
        _value("2021-05", 60, "a dog after:2021-05 before:2021-06"),
        _value("2021-06", 0, "a dog after:2021-06 before:2021-07"),
    ),
    undated=12,
    cameras=(_value("Google Pixel 5", 312, 'a dog camera:"Google Pixel 5"'),),
    folders=(_value("/home/ada/Photos/2021", 820, "a dog folder:/home/ada/Photos/2021"),),
    orientations=(_value("portrait", 400, "a dog", is_selected=True),),
    formats=(_value("JPEG", 1204, "a dog format:JPEG"),),
    keywords=(_value("beach", 77, "a dog keyword:beach"),),
    ratings=(_value("5", 9, "a dog rating:5"),),
)


def shown(example: BaseModel) -> dict[int | str, dict[str, Any]]:
    """Describe the answers of a route by an example."""
    value = example.model_dump(mode="json")
    return {
        200: {"content": {"application/json": {"example": value}}},
        304: {"description": "It has not changed."},
    }

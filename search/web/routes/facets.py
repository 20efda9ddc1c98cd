"""What the photos of a query are like, counted."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import Response

from search.line import read_line
from search.web import models
from search.web.answers import answer
from search.web.examples import FACETS, shown
from search.web.faceting import facets_of
from search.web.routes.search import Line

if TYPE_CHECKING:
    from search.web.desk import Desk

router = APIRouter(tags=["library"])


@router.get("/facets", response_model=models.Facets, responses=shown(FACETS))
async def facets(request: Request, *, q: Line = "") -> Response:
    """Count what the photos that pass a query's filters are like.

    Each value comes with the query into which it is put, or out of which it is taken. A facet by
    which the query filters counts as if it did not, so that another value can be chosen.
    """
    return await answer(request, partial(_facets, request.app.state.desk, q))


def _facets(desk: Desk, q: str) -> models.Facets:
    line = read_line(q)
    traits = desk.traits()
    with desk.library().reading() as connection:
        return facets_of(connection, traits, line)

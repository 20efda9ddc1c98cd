"""Assistants' side of a conversation: the SDK's own client, called from plain functions."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from anyio.from_thread import start_blocking_portal
from mcp import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from mcp_types import CallToolResult


class Assistant:
    """A client that is connected; calls wait for their answers."""

    def __init__(self, portal: Any, client: Client) -> None:
        self._portal = portal
        self._client = client

    def call(self, name: str, **arguments: object) -> CallToolResult:
        return self._portal.call(self._client.call_tool, name, arguments)

    def ask(self, name: str, **arguments: object) -> dict[str, Any]:
        """Call a tool that has an answer, and return it as it is typed."""
        result = self.call(name, **arguments)
        assert not result.is_error, result.content
        return result.structured_content

    def refused(self, name: str, **arguments: object) -> str:
        """Call a tool that has no answer, and return its one line."""
        result = self.call(name, **arguments)
        assert result.is_error
        [block] = result.content
        assert len(block.text.splitlines()) == 1
        assert result.structured_content is None
        return block.text

    def read(self, uri: str) -> Any:
        [content] = self._portal.call(self._client.read_resource, uri).contents
        return content

    def tools(self) -> list[Any]:
        return self._portal.call(self._client.list_tools).tools

    def templates(self) -> list[Any]:
        return self._portal.call(self._client.list_resource_templates).resource_templates


@pytest.fixture(scope="session")
def connect() -> Callable[..., AbstractContextManager[Assistant]]:
    """Connect a client to a server, or to the command that starts one."""

    @contextmanager
    def connected(server: Any, **options: Any) -> Iterator[Assistant]:
        with start_blocking_portal() as portal:
            client = Client(server, **options)
            with portal.wrap_async_context_manager(client):
                yield Assistant(portal, client)

    return connected

"""Waiting for several calls without leaving any of them running unseen."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

T = TypeVar("T")


async def settled(calls: Iterable[Awaitable[T]]) -> list[T]:
    """All results; if a call failed, its error, but only after the others have ended too."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]

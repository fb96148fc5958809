"""Reads the body of an answer within bounds: so many bytes, decoded, and not past the deadline."""

import zlib
from collections.abc import Iterator

import httpx

from chalicelib.clock import Deadline

LARGEST_ANSWER = 1 << 20
"""Bytes, decoded. A container of 100 results is about 50 KiB."""
_PIECE = 1 << 16
_ZLIB_OR_GZIP = 32 + zlib.MAX_WBITS


def read_body(response: httpx.Response, deadline: Deadline) -> bytes:
    """Return the whole body, decoded.

    Raises
    ------
    httpx.ReadTimeout
        If it has not ended by the deadline.
    httpx.ReadError
        If it is longer than 1 MiB.
    httpx.DecodingError
        If it is not in the encoding that it claims.
    """
    body = bytearray()
    for piece in _pieces(response):
        body += piece
        if len(body) > LARGEST_ANSWER:
            raise httpx.ReadError(f"answer longer than {LARGEST_ANSWER} bytes")
        if deadline.passed:
            raise httpx.ReadTimeout("the answer did not end in time")
    return bytes(body)


def _pieces(response: httpx.Response) -> Iterator[bytes]:
    """Decode what came encoded though we asked for it plain, never more than a piece at a time: it may be a bomb."""
    if response.is_stream_consumed:  # a transport that answers from memory
        yield response.content
        return
    if response.headers.get("content-encoding", "").strip().lower() not in ("gzip", "x-gzip", "deflate"):
        yield from response.iter_raw()
        return
    decoder = zlib.decompressobj(_ZLIB_OR_GZIP)
    for encoded in response.iter_raw():
        rest = encoded
        while rest and not decoder.eof:
            try:
                yield decoder.decompress(rest, _PIECE)
            except zlib.error as failure:
                raise httpx.DecodingError(str(failure)) from failure
            rest = decoder.unconsumed_tail

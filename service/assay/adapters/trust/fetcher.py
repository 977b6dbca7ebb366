"""Fetching from a TUF repository: one host, no redirects, capped bytes, one deadline over everything."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO

import requests
from tuf.api.exceptions import DownloadError, DownloadHTTPError, DownloadLengthMismatchError
from tuf.ngclient.fetcher import FetcherInterface
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from assay.domain.deadline import Deadline
from assay.domain.errors import Unavailable
from assay.transport.session import DirectSession

_CONNECT_SECONDS = 5.0
_READ_SECONDS = 10.0
_CHUNK = 64 * 1024


class RepositoryFetcher(FetcherInterface):
    """What python-tuf downloads with; raises its `DownloadError` only.

    Every answer is held in memory, below the cap that the metadata or the updater's configuration sets. A slow body
    ends with the deadline, however small its pieces are.
    """

    def __init__(self, *, deadline: Deadline, ca: Path | None) -> None:
        self._deadline = deadline
        self._session = DirectSession(verify=str(ca) if ca is not None else True)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    @contextmanager
    def download_file(self, url: str, max_length: int) -> Iterator[IO[bytes]]:
        """The bytes of an address as a file in memory."""
        received = bytearray()
        for piece in self.fetch(url):
            received += piece
            if len(received) > max_length:
                raise DownloadLengthMismatchError(f"{url} has more than {max_length} bytes")
        yield BytesIO(bytes(received))

    def _fetch(self, url: str) -> Iterator[bytes]:
        try:
            yield from self._pieces(url)
        except (requests.RequestException, HTTPError, OSError) as error:
            raise DownloadError(f"{url} cannot be fetched: {type(error).__name__}") from error
        except Unavailable as error:
            raise DownloadError(f"{url} was not fetched in time") from error

    def _pieces(self, url: str) -> Iterator[bytes]:
        remaining = self._deadline.remaining(url)
        with self._session.get(
            url,
            headers={"Accept-Encoding": "identity"},
            timeout=(min(_CONNECT_SECONDS, remaining), min(_READ_SECONDS, remaining)),
            stream=True,
            allow_redirects=False,
        ) as response:
            if response.status_code != requests.codes.ok:
                raise DownloadHTTPError(f"{url} answers with status {response.status_code}", response.status_code)
            if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
                raise DownloadError(f"{url} answers with a content coding that was not asked for")
            raw: BaseHTTPResponse = response.raw
            while piece := raw.read1(_CHUNK, decode_content=False):
                yield piece
                self._deadline.remaining(url)

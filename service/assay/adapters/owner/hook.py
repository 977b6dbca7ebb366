"""An owner behind an https address, who gets each incident as a signed document."""

import hmac
import http
from collections.abc import Callable, Sequence

from urllib3 import PoolManager, Timeout
from urllib3.exceptions import HTTPError

from assay.domain.deadline import Deadline
from assay.domain.errors import Unavailable
from assay.domain.incident import Incident
from assay.formats.incident import render_incident
from assay.ports.incident import Owner
from assay.transport.address import AddressRefused

SIGNATURE = "X-Assay-Signature-256"
_CONNECT_SECONDS = 3.0
_READ_SECONDS = 10.0


class OwnerHook(Owner):
    """Posts incidents to one address.

    The header `X-Assay-Signature-256` is `sha256=` and the HMAC-SHA256 of the body, in hex, under the first of the
    secrets that are read for each call. `open_pools` makes the connections of one call: where they may lead is its
    affair. No redirect is followed and no answer is read; a status of 2xx says that the incident was heard.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str,
        secrets: Callable[[], Sequence[bytes]],
        open_pools: Callable[[], PoolManager],
    ) -> None:
        self._url = url
        self._name = name
        self._secrets = secrets
        self._open_pools = open_pools

    def tell(self, incident: Incident, deadline: Deadline) -> None:
        """Tell of an incident; `Unavailable`: `owner_unavailable`, `secret_unavailable`, `deadline_exceeded`."""
        octets = render_incident(incident)
        mark = hmac.digest(self._secrets()[0], octets, "sha256").hex()
        headers = {"User-Agent": "assay", "Content-Type": "application/json", SIGNATURE: f"sha256={mark}"}
        left = deadline.remaining(f"telling {self._name}")
        timeout = Timeout(connect=min(_CONNECT_SECONDS, left), read=min(_READ_SECONDS, left))
        try:
            with self._open_pools() as pools:
                response = pools.request(
                    "POST",
                    self._url,
                    body=octets,
                    headers=headers,
                    timeout=timeout,
                    redirect=False,
                    retries=False,
                    preload_content=False,
                )
                status = response.status
                response.close()
        except (HTTPError, OSError, AddressRefused) as error:
            # The name of the fault alone: its text may repeat the address, which may hold a token.
            raise self._unheard(type(error).__name__) from error
        if not http.HTTPStatus.OK <= status < http.HTTPStatus.MULTIPLE_CHOICES:
            raise self._unheard(f"HTTP status {status}")

    def _unheard(self, why: str) -> Unavailable:
        return Unavailable(
            "owner_unavailable",
            f"the owner {self._name} did not hear of an incident: {why}",
            remedy="check its address in `immutable_tags.owners`; it is told again",
        )

"""Who sent a notification: looked at before a byte of it is parsed.

A notification is never reason to allow anything. It makes us look again (what is kept about a repository is forgotten,
an image is judged beforehand) or deny more (an immutable tag that moved), so a delivery that is repeated, by a registry
that had no answer or by whoever recorded it, repeats work and changes no verdict in its favour.
"""

import hmac
from collections.abc import Mapping, Sequence

from assay.domain.errors import InvalidInput
from assay.domain.notification import SourceKind

_SIGNATURE = "x-hub-signature-256"
_TOKEN = "authorization"  # noqa: S105  # the name of a header
_BEARER = "Bearer "


def verify_sender(kind: SourceKind, octets: bytes, headers: Mapping[str, str], secrets: Sequence[bytes]) -> None:
    """Return when the sender knows one of the secrets; `InvalidInput(caller_unknown)` otherwise, saying no more.

    GitHub signs the body as it was sent (HMAC-SHA256); the others show the secret itself, as a bearer token or as the
    whole header `Authorization`. Every secret is compared, each in a time that does not depend on where it differs.
    The names of `headers` are in lower case. Raises `ValueError` for no secrets at all.
    """
    if not secrets:
        raise ValueError("nobody could be known without a secret")
    shown = headers.get(_SIGNATURE if kind is SourceKind.GITHUB else _TOKEN, "").encode("utf-8", "surrogateescape")
    same = [hmac.compare_digest(shown, wanted) for secret in secrets for wanted in _wanted(kind, octets, secret)]
    if not any(same):
        raise InvalidInput(
            "caller_unknown",
            "the notification does not show that its sender knows a secret of the source",
            remedy="give the registry the secret that is configured here",
        )


def _wanted(kind: SourceKind, octets: bytes, secret: bytes) -> tuple[bytes, ...]:
    if kind is SourceKind.GITHUB:
        return (f"sha256={hmac.digest(secret, octets, 'sha256').hex()}".encode("ascii"),)
    return (secret, _BEARER.encode("ascii") + secret)

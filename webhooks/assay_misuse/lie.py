"""How a registry lies."""

import base64
import itertools
from collections.abc import Iterator
from dataclasses import replace

from assay_misuse.document import Stored
from assay_misuse.registry import Asked, Lie, Reply, manifest_reply, referrers_reply

_ZEROS = bytes(1024 * 1024)


def alternate(first: Stored, second: Stored) -> Lie:
    """Answer one request for a tag with the first manifest and the next with the second."""
    turn = itertools.cycle((first, second))

    def lie(asked: Asked, truth: Reply) -> Reply:
        named_by_tag = asked.wants_manifest and ":" not in asked.tag_or_digest
        return manifest_reply(next(turn)) if named_by_tag and ".sig" not in asked.path else truth

    return lie


def disagree(head: Stored, get: Stored) -> Lie:
    """Answer HEAD for a tag with one manifest and GET with another."""

    def lie(asked: Asked, truth: Reply) -> Reply:
        if not asked.wants_manifest or ":" in asked.tag_or_digest or ".sig" in asked.path or ".att" in asked.path:
            return truth
        return manifest_reply(head if asked.method == "HEAD" else get)

    return lie


def claim(claimed: Stored, served: Stored) -> Lie:
    """Serve one manifest under the digest of another."""

    def lie(asked: Asked, truth: Reply) -> Reply:
        wrong = asked.wants_manifest and asked.tag_or_digest == claimed.digest
        return replace(manifest_reply(served), headers=manifest_reply(claimed).headers) if wrong else truth

    return lie


def fail(status: int, *, times: int = 1_000_000) -> Lie:
    """Fail the first `times` requests with a status."""
    left = iter(range(times))

    def lie(_: Asked, truth: Reply) -> Reply:
        return truth if next(left, None) is None else Reply(status=status, body=b"{}", headers={"Retry-After": "0"})

    return lie


def keep_silent(asked: Asked, truth: Reply) -> Reply:
    """Answer nothing, and keep the connection."""
    del asked, truth
    return Reply(silent=True)


def drip(asked: Asked, truth: Reply) -> Reply:
    """Send the truth one byte after the other, each as late as a patient reader bears."""
    del asked
    octets = (bytes([octet]) for octet in truth.body)
    return replace(truth, body=b"", pieces=octets, pause=0.25, length=len(truth.body))


def page_without_end(asked: Asked, truth: Reply) -> Reply:
    """Give every page of a referrers listing a next one."""
    if not asked.wants_referrers:
        return truth
    path = asked.path.partition("?")[0]
    return referrers_reply([], more=f"{path}?last={len(asked.path)}")


def stream_without_end(blob_digest: str) -> Lie:
    """Serve a blob that never ends."""

    def zeros() -> Iterator[bytes]:
        while True:
            yield _ZEROS

    def lie(asked: Asked, truth: Reply) -> Reply:
        return Reply(pieces=zeros()) if asked.tag_or_digest == blob_digest else truth

    return lie


def redirect_blobs(to: str) -> Lie:
    """Send every request for a blob to another address."""

    def lie(asked: Asked, truth: Reply) -> Reply:
        return Reply(status=307, headers={"Location": f"{to}{asked.path}"}) if "/blobs/" in asked.path else truth

    return lie


def ask_for_login_of(user: str) -> Lie:
    """Demand the name of this user with every request."""
    refused = Reply(status=401, headers={"WWW-Authenticate": 'Basic realm="misuse"'}, body=b"{}")

    def lie(asked: Asked, truth: Reply) -> Reply:
        scheme, _, sent = asked.headers.get("authorization", "").partition(" ")
        name = base64.b64decode(sent).partition(b":")[0].decode() if scheme == "Basic" else ""
        return truth if name == user else refused

    return lie


def ask_for_login(realm: str = "") -> Lie:
    """Demand a login with every request: a token of this realm, or name and password."""
    scheme = f'Bearer realm="{realm}",service="misuse"' if realm else 'Basic realm="misuse"'

    def lie(asked: Asked, truth: Reply) -> Reply:
        known = asked.headers.get("authorization", "").startswith("Bearer" if realm else "Basic")
        return truth if known else Reply(status=401, headers={"WWW-Authenticate": scheme}, body=b"{}")

    return lie

"""The referrers API: pages of an index, linked by `Link` headers."""

from collections.abc import Callable

from requests.utils import parse_header_links

from assay.adapters.registry.transport import Answer, resolve_location, same_host
from assay.domain.descriptor import OCI_INDEX, Descriptor
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.formats.manifest import parse_referrer_list


def list_pages(
    fetch_page: Callable[[str], Answer], first: str, *, what: str, limits: Limits
) -> tuple[Descriptor, ...] | None:
    """Every descriptor of every page, each digest once, or None when the first page answers 404: no referrers API.

    Raises `InvalidInput(evidence_limit)` for more pages or referrers than the limits allow and for pages that repeat,
    `InvalidInput(manifest_malformed)` for a page that is no index or that links to another host.
    """
    found: dict[Digest, Descriptor] = {}
    seen: set[str] = set()
    url = first
    while url:
        if url in seen or len(seen) == limits.referrer_pages:
            raise _limit(what, f"has more than {limits.referrer_pages} pages, or pages that repeat")
        seen.add(url)
        answer = fetch_page(url)
        if answer.status == 404 and url == first:
            return None
        for descriptor in _page(answer, what=what, limits=limits):
            found.setdefault(descriptor.digest, descriptor)
        if len(found) > limits.referrers:
            raise _limit(what, f"has more than {limits.referrers} entries")
        url = _next_page(answer, url, what=what)
    return tuple(found.values())


def _page(answer: Answer, *, what: str, limits: Limits) -> tuple[Descriptor, ...]:
    if answer.status == 404:
        raise _malformed(what, "links to a page that does not exist")
    media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type != OCI_INDEX:
        raise _malformed(what, f"is served as {media_type[:100]!r}")
    return parse_referrer_list(answer.octets, media_type, what=what, limits=limits)


def _next_page(answer: Answer, url: str, *, what: str) -> str:
    links = parse_header_links(answer.headers.get("Link", ""))
    following = [link.get("url", "") for link in links if link.get("rel", "").lower() == "next"]
    if not following:
        return ""
    target = resolve_location(url, following[0])
    if target is None or not same_host(url, target):
        raise _malformed(what, "links to a next page on another host")
    return target


def _malformed(what: str, why: str) -> InvalidInput:
    return InvalidInput("manifest_malformed", f"{what}: the list {why}", remedy="ask the registry's operator")


def _limit(what: str, why: str) -> InvalidInput:
    return InvalidInput("evidence_limit", f"{what}: the list {why}", remedy="remove referrers nobody needs")

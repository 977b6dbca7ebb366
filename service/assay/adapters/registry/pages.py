"""Lists in pages, linked by `Link` headers (OCI distribution specification 1.1, referrers and tags)."""

import re
from collections.abc import Callable, Iterator

from requests.utils import parse_header_links

from assay.adapters.registry.exchange import Answer, resolve_location, same_host
from assay.domain.descriptor import OCI_INDEX, Descriptor
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits
from assay.formats.manifest import parse_referrer_list
from assay.formats.strict_json import parse_json

FetchPage = Callable[[str], Answer]

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", re.ASCII)


def list_referrer_pages(
    fetch_page: FetchPage, first: str, *, what: str, limits: Limits
) -> tuple[Descriptor, ...] | None:
    """Every descriptor of every page, each digest once, or None when the first page answers 404: no referrers API.

    Raises `InvalidInput(evidence_limit)` for more pages or referrers than the limits allow and for pages that repeat,
    `InvalidInput(manifest_malformed)` for a page that is no index or that links to another host.
    """
    found: dict[Digest, Descriptor] = {}
    for answer in _pages(fetch_page, first, what=what, limits=limits):
        if answer.status == 404:
            return None
        for descriptor in _referrers(answer, what=what, limits=limits):
            found.setdefault(descriptor.digest, descriptor)
        if len(found) > limits.referrers:
            raise _limit(what, f"has more than {limits.referrers} entries")
    return tuple(found.values())


def list_tag_pages(fetch_page: FetchPage, first: str, *, what: str, limits: Limits) -> tuple[str, ...]:
    """Every tag of every page, sorted, each once; none when the first page answers 404: no such repository.

    Raises as `list_referrer_pages`; a page that is no list of tags is `InvalidInput(manifest_malformed)` too.
    """
    found: set[str] = set()
    for answer in _pages(fetch_page, first, what=what, limits=limits):
        if answer.status == 404:
            return ()
        found.update(_tags(answer, what=what, limits=limits))
        if len(found) > limits.tags:
            raise _limit(what, f"has more than {limits.tags} entries")
    return tuple(sorted(found))


def _pages(fetch_page: FetchPage, first: str, *, what: str, limits: Limits) -> Iterator[Answer]:
    seen: set[str] = set()
    url = first
    while url:
        if url in seen or len(seen) == limits.referrer_pages:
            raise _limit(what, f"has more than {limits.referrer_pages} pages, or pages that repeat")
        seen.add(url)
        answer = fetch_page(url)
        if answer.status == 404 and url != first:
            raise _malformed(what, "links to a page that does not exist")
        yield answer
        url = _next_page(answer, url, what=what)


def _referrers(answer: Answer, *, what: str, limits: Limits) -> tuple[Descriptor, ...]:
    media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type != OCI_INDEX:
        raise _malformed(what, f"is served as {media_type[:100]!r}")
    return parse_referrer_list(answer.octets, media_type, what=what, limits=limits)


def _tags(answer: Answer, *, what: str, limits: Limits) -> list[str]:
    try:
        document = parse_json(answer.octets, what=what, largest=limits.manifest_octets)
    except InvalidInput as error:
        raise _malformed(what, error.message) from error
    tags = document.get("tags", ()) if isinstance(document, dict) else ()
    if tags is None:
        return []
    if not isinstance(tags, list) or not all(isinstance(tag, str) and _TAG.fullmatch(tag) for tag in tags):
        raise _malformed(what, "has an entry that is no tag")
    return tags


def _next_page(answer: Answer, url: str, *, what: str) -> str:
    following = ""
    for link in parse_header_links(answer.headers.get("Link", "")):
        if link.get("rel", "").lower() == "next":
            following = link.get("url", "")
    if not following:
        return ""
    target = resolve_location(url, following)
    if target is None or not same_host(url, target):
        raise _malformed(what, "links to a page on another host")
    return target


def _limit(what: str, why: str) -> InvalidInput:
    return InvalidInput("evidence_limit", f"{what} {why}", remedy="remove entries that nobody needs")


def _malformed(what: str, why: str) -> InvalidInput:
    return InvalidInput("manifest_malformed", f"{what} {why}", remedy="ask the registry's operator")

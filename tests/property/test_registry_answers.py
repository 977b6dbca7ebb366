"""Whatever a registry says, only our own errors come out."""

import json
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from assay.adapters.registry.exchange import Answer, resolve_location, same_host
from assay.adapters.registry.pages import list_referrer_pages
from assay.domain.descriptor import OCI_INDEX, OCI_MANIFEST, SIGSTORE_BUNDLE
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.limit import Limits

HERE = "http://registry.test:5000/v2/app/referrers/sha256:00"
LIMITS = Limits(referrer_pages=3, referrers=5)
locations = st.text(max_size=40) | st.builds(
    lambda *parts: "".join(parts),
    st.sampled_from(["http://", "https://", "//", "ftp:", ""]),
    st.sampled_from(["registry.test:5000", "user@registry.test", "[", "[::1]:5", "a:99999", ""]),
    st.text(alphabet="/?#%@:[]\\ab ", max_size=8),
)
links = st.text(max_size=30) | locations.map(lambda target: f'<{target}>; rel="next"')
entries = st.fixed_dictionaries(
    {
        "mediaType": st.just(OCI_MANIFEST) | st.text(max_size=4),
        "digest": st.binary(max_size=1).map(lambda octets: Digest.of(octets).text) | st.text(max_size=4),
        "size": st.integers(-1, 9),
        "artifactType": st.just(SIGSTORE_BUNDLE) | st.none(),
    }
)
pages = st.builds(
    lambda manifests: json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}).encode(),
    st.lists(entries, max_size=4),
)
answers = st.builds(
    lambda status, kind, link, octets: Answer(
        status=status, headers={"Content-Type": kind, "Link": link}, octets=octets
    ),
    st.sampled_from([200, 404]),
    st.just(OCI_INDEX) | st.text(max_size=5),
    links,
    pages | st.binary(max_size=9),
)


@given(st.lists(answers, min_size=1, max_size=4))
def test_a_list_of_referrers_is_bounded_or_refused(sequence: list[Answer]) -> None:
    asked: list[str] = []

    def fetch_page(url: str) -> Answer:
        asked.append(url)
        return sequence[len(asked) % len(sequence)]

    with suppress(InvalidInput):
        listed = list_referrer_pages(fetch_page, HERE, what="it", limits=LIMITS)
        assert listed is None or len({entry.digest for entry in listed}) == len(listed) <= LIMITS.referrers
    assert len(asked) == len(set(asked)) <= LIMITS.referrer_pages
    assert all(same_host(HERE, url) for url in asked)


@given(locations)
def test_a_location_is_a_plain_address_or_nothing(location: str) -> None:
    target = resolve_location(HERE, location)
    assert target is None or (target.startswith(("http://", "https://")) and " " not in target)

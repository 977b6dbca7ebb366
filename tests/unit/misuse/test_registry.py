"""The registry: honest by default, and a liar on command."""

from collections.abc import Iterator

import pytest
import requests

from assay_misuse.document import image, referrer
from assay_misuse.lie import ask_for_login, fail, redirect_blobs
from assay_misuse.registry import LyingRegistry

IMAGE = image("one")
ATTACHED = referrer(IMAGE, b"bundle")


@pytest.fixture
def registry() -> Iterator[LyingRegistry]:
    with LyingRegistry.serving() as serving:
        serving.put("app", IMAGE, tag="v1")
        serving.put("app", ATTACHED)
        yield serving


def get(registry: LyingRegistry, rest: str) -> requests.Response:
    return requests.get(f"http://{registry.host}/v2/{rest}", timeout=10, allow_redirects=False)


def test_the_truth_is_served_by_tag_and_by_digest(registry: LyingRegistry) -> None:
    for name in ("v1", IMAGE.digest):
        answer = get(registry, f"app/manifests/{name}")
        assert (answer.content, answer.headers["Docker-Content-Digest"]) == (IMAGE.octets, IMAGE.digest)
    assert get(registry, "").status_code == 200
    assert get(registry, "app/manifests/none").status_code == 404
    assert get(registry, "none").status_code == 404


def test_referrers_and_blobs_are_served(registry: LyingRegistry) -> None:
    listed = get(registry, f"app/referrers/{IMAGE.digest}").json()["manifests"]
    assert [entry["digest"] for entry in listed] == [ATTACHED.digest]
    blob = ATTACHED.descriptor()
    assert blob["digest"] == ATTACHED.digest
    (layer,) = get(registry, f"app/manifests/{ATTACHED.digest}").json()["layers"]
    assert get(registry, f"app/blobs/{layer['digest']}").content == b"bundle"
    assert get(registry, "app/blobs/sha256:none").status_code == 404


def test_a_lie_ends_when_it_is_told_to(registry: LyingRegistry) -> None:
    registry.lie("app", fail(503, times=1))
    assert [get(registry, "app/manifests/v1").status_code for _ in range(2)] == [503, 200]
    registry.lie("app", redirect_blobs("http://elsewhere.test"))
    assert get(registry, "app/blobs/x").headers["Location"] == "http://elsewhere.test/v2/app/blobs/x"
    registry.be_honest("app")
    assert get(registry, "app/blobs/x").status_code == 404


def test_a_login_is_asked_for_and_seen(registry: LyingRegistry) -> None:
    registry.lie("app", ask_for_login("http://elsewhere.test/token"))
    assert "Bearer" in get(registry, "app/manifests/v1").headers["WWW-Authenticate"]
    registry.lie("app", ask_for_login())
    address = f"http://{registry.host}/v2/app/manifests/v1"
    assert requests.get(address, auth=("a", "b"), timeout=10).status_code == 200
    assert registry.seen[-1].headers["authorization"].startswith("Basic ")

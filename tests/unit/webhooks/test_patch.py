"""Pinning by JSON Patch."""

import json

import pytest

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay.domain.reference import Reference
from assay_webhooks.patch import pin, render_patch
from assay_webhooks.workloads import ImageField
from tests.fakes.admission import DIGEST, OTHER_DIGEST, apply_patch, pod


def _image(written: str, index: int = 0) -> ImageField:
    return ImageField(
        pointer=f"/spec/containers/{index}/image",
        words=f"/spec/containers/{index}/image",
        written=written,
        reference=Reference.parse(written),
    )


@pytest.mark.parametrize(
    ("written", "pinned"),
    [
        ("nginx:1.27", "nginx:1.27@"),
        ("nginx", "nginx:latest@"),
        ("nginx:latest", "nginx:latest@"),
        ("index.docker.io/nginx:1", "index.docker.io/nginx:1@"),
        ("Registry.Example:5000/a/b", "Registry.Example:5000/a/b:latest@"),
        ("[::1]:5000/a:5000", "[::1]:5000/a:5000@"),
        ("localhost:5000/latest", "localhost:5000/latest:latest@"),
    ],
)
def test_the_repository_keeps_the_words_of_its_user(written: str, pinned: str) -> None:
    image = _image(written)

    assert pin(image, DIGEST) == f"{pinned}{DIGEST}"
    assert Reference.parse(pin(image, DIGEST)) == image.reference.pinned(DIGEST)


@pytest.mark.parametrize("written", [f"nginx@{DIGEST}", f"nginx:1@{DIGEST}"])
def test_an_image_with_a_digest_stays_as_it_is(written: str) -> None:
    assert pin(_image(written), DIGEST) == written
    assert render_patch((_image(written),), {Reference.parse(written): DIGEST}) == b""


def test_each_replace_follows_a_test_of_what_was_judged() -> None:
    images = (_image("nginx"), _image(f"redis@{DIGEST}", 1), _image("nginx", 2))
    operations = json.loads(render_patch(images, {image.reference: DIGEST for image in images}))

    assert operations == [
        {"op": "test", "path": "/spec/containers/0/image", "value": "nginx"},
        {"op": "replace", "path": "/spec/containers/0/image", "value": f"nginx:latest@{DIGEST}"},
        {"op": "test", "path": "/spec/containers/2/image", "value": "nginx"},
        {"op": "replace", "path": "/spec/containers/2/image", "value": f"nginx:latest@{DIGEST}"},
    ]


def test_a_shifted_list_makes_the_patch_fail_instead_of_pinning_the_wrong_container() -> None:
    operations = json.loads(render_patch((_image("nginx"),), {Reference.parse("nginx"): DIGEST}))

    with pytest.raises(ValueError, match="test of /spec/containers/0/image fails"):
        apply_patch(pod("injected:1", "nginx"), operations)
    assert apply_patch(pod("nginx"), operations) == pod(f"nginx:latest@{DIGEST}")


@pytest.mark.parametrize(
    ("written", "digests"),
    [
        ("nginx", {}),
        ("nginx", {Reference.parse("redis"): DIGEST}),
        (f"nginx@{DIGEST}", {Reference.parse(f"nginx@{DIGEST}"): OTHER_DIGEST}),
    ],
)
def test_an_image_that_cannot_be_pinned_is_refused(written: str, digests: dict[Reference, Digest]) -> None:
    with pytest.raises(InvalidInput) as caught:
        render_patch((_image(written),), digests)
    assert caught.value.code == "patch_impossible"

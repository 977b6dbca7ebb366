"""What lies in a mirror has one name: that of its origin."""

import pytest

from assay.domain.mirror import NO_MIRRORS, MirrorNames
from assay.domain.reference import Reference, Repository

MIRRORS = MirrorNames(
    origins=(("m.example:5000/hub", "docker.io"), ("m.example:5000/quay", "quay.io"), ("whole.example", "ghcr.io"))
)


@pytest.mark.parametrize(
    ("written", "origin"),
    [
        ("m.example:5000/hub/library/nginx:1", "docker.io/library/nginx:1"),
        ("m.example:5000/hub/nginx:1", "docker.io/library/nginx:1"),
        ("m.example:5000/quay/a/b:1", "quay.io/a/b:1"),
        ("m.example:5000/quay/a:1", "quay.io/a:1"),
        ("whole.example/a:1", "ghcr.io/a:1"),
        ("m.example:5000/hub:1", "m.example:5000/hub:1"),
        ("m.example:5000/hub2/a:1", "m.example:5000/hub2/a:1"),
        ("m.example/hub/a:1", "m.example/hub/a:1"),
        ("quay.io/a:1", "quay.io/a:1"),
    ],
)
def test_a_name_below_a_mirror_is_that_of_its_origin(written: str, origin: str) -> None:
    assert MIRRORS.origin_of(Reference.parse(written)) == Reference.parse(origin)
    assert MIRRORS.origin(MIRRORS.origin(Reference.parse(written).repository)).name == origin.removesuffix(":1")
    assert NO_MIRRORS.origin_of(Reference.parse(written)) == Reference.parse(written)


def test_tag_and_digest_stay() -> None:
    digest = f"sha256:{'a' * 64}"
    reference = MIRRORS.origin_of(Reference.parse(f"m.example:5000/quay/a:1@{digest}"))
    assert str(reference) == f"quay.io/a:1@{digest}"


@pytest.mark.parametrize(
    ("pairs", "why"),
    [
        ([("m.example", "a.example"), ("m.example", "b.example")], "lies in the mirror m.example"),
        ([("m.example", "a.example"), ("m.example", "a.example")], "lies in the mirror m.example"),
        ([("m.example/x/y", "a.example"), ("m.example/x", "b.example")], "m.example/x, which is named too"),
        ([("m.example", "a.example"), ("deep.example/x", "m.example")], "on m.example, which has mirrors itself"),
        ([("a.example/cache", "a.example")], "on a.example, which has mirrors itself"),
    ],
)
def test_a_name_with_two_origins_is_refused(pairs: list[tuple[str, str]], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        MirrorNames(origins=tuple(pairs))


def test_neighbouring_prefixes_are_no_ambiguity() -> None:
    names = MirrorNames(origins=(("m.example/x", "a.example"), ("m.example/xy", "b.example")))
    assert names.origin(Repository.parse("m.example/xy/app")) == Repository.parse("b.example/app")

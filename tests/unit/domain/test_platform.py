"""Platforms."""

import pytest

from assay.domain.errors import InvalidInput
from assay.domain.platform import Platform

ARM = Platform.parse("linux/arm64")
V7 = Platform.parse("linux/arm/v7")


@pytest.mark.parametrize("text", ["linux/amd64", "linux/arm/v7", "windows/amd64", "freebsd/riscv64"])
def test_a_platform_reads_as_it_was_written(text: str) -> None:
    assert str(Platform.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "linux", "linux/", "/amd64", "linux/arm/", "linux/arm/v7/x", "linux /arm", "linux/\x1b[31m", "a" * 65]
)
def test_what_is_no_platform_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Platform.parse(text)
    assert caught.value.code == "platform_malformed"


def test_a_platform_without_a_variant_covers_every_variant() -> None:
    assert Platform.parse("linux/arm").covers(V7)
    assert V7.covers(V7)


@pytest.mark.parametrize("other", ["linux/arm", "linux/arm/v6", "linux/arm64/v7", "windows/arm/v7"])
def test_a_platform_with_a_variant_covers_that_one_alone(other: str) -> None:
    assert not V7.covers(Platform.parse(other))


def test_only_unknown_unknown_is_not_known() -> None:
    assert not Platform.parse("unknown/unknown").known
    assert Platform.parse("unknown/amd64").known
    assert ARM.known

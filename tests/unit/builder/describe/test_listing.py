import pytest

from assay.domain.errors import InvalidInput
from assay_builder.describe.listing import linked_modules, parse_build_information, parse_listing
from tests.fakes.build import LIBRARY, SOURCE, FakeBuildWorld, listing_line

WORLD = FakeBuildWorld()


def test_a_listing_names_packages_and_their_modules() -> None:
    packages = parse_listing(WORLD.workshop.answers["list"][1], source=SOURCE)
    assert [package.path for package in packages] == [
        "example.net/library",
        "example.org/demo/cmd/demo",
        "fmt",
        "unsafe",
    ]
    assert linked_modules(packages) == (LIBRARY, SOURCE)
    assert packages[1].imports == ("example.net/library", "fmt")


@pytest.mark.parametrize(
    "output",
    [
        b"",
        b"fmt\ttrue\n",
        b"\ttrue\t\t\t\t\n",
        b"\xff\n",
        listing_line("example.com/x", LIBRARY, main=True).encode(),
        b"fmt\ttrue\texample.net/library\tv0.1.0\tfalse\t\n",
    ],
)
def test_a_listing_that_is_not_understood_is_refused(output: bytes) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_listing(output, source=SOURCE)
    assert caught.value.code == "go_output_malformed"


def test_build_information_names_what_was_linked() -> None:
    information = parse_build_information(WORLD.build_information())
    assert (information.go_release, information.main) == ("1.26.11", SOURCE.path)
    assert information.modules == ((LIBRARY, WORLD.h1(LIBRARY)),)


@pytest.mark.parametrize(
    "changes",
    [
        {"Main": {}},
        {"Deps": "x"},
        {"Deps": [{"Path": "example.net/library", "Version": "v0.1.0"}]},
        {"Deps": [{"Path": "example.net/library", "Version": "v0.1.0", "Sum": "h1:x", "Replace": {}}]},
    ],
)
def test_build_information_that_is_not_understood_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_build_information(WORLD.build_information(**changes))
    assert caught.value.code == "go_output_malformed"

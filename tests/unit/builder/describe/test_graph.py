from dataclasses import replace

import pytest

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput
from assay_builder.describe.graph import make_graph, verify_build_information
from assay_builder.describe.licence import DetectedLicence
from assay_builder.describe.listing import BuildInformation, parse_build_information, parse_listing
from tests.fakes.build import LIBRARY, SOURCE, TOOLCHAIN, FakeBuildWorld

WORLD = FakeBuildWorld()
PACKAGES = parse_listing(WORLD.workshop.answers["list"][1], source=SOURCE)
LICENCES = {module: DetectedLicence(expression="MIT") for module in (SOURCE, LIBRARY, TOOLCHAIN)}
INFORMATION = parse_build_information(WORLD.build_information())
DEMO, LIB, STD = (
    "pkg:golang/example.org/demo@v1.0.0",
    "pkg:golang/example.net/library@v0.1.0",
    "pkg:golang/stdlib@1.26.11",
)


def test_the_graph_has_every_linked_module_and_who_uses_whom() -> None:
    graph = make_graph(WORLD.plan, Digest.of(b"image"), PACKAGES, LICENCES)
    assert [item.purl for item in graph.components] == [LIB, DEMO, STD]
    assert graph.edges == ((LIB, STD), (DEMO, LIB), (DEMO, STD))
    assert [item.supplier for item in graph.components] == ["example.net", "example.org", "golang.org"]
    assert [item.main for item in graph.components] == [False, True, False]
    assert graph.gaps == ()


def test_finished_programs_agree_with_the_listing() -> None:
    verify_build_information(WORLD.plan, PACKAGES, [INFORMATION])


@pytest.mark.parametrize(
    "other",
    [
        replace(INFORMATION, go_release="1.26.10"),
        replace(INFORMATION, main="example.org/other"),
        replace(INFORMATION, modules=((LIBRARY, "h1:other"),)),
        replace(INFORMATION, modules=()),
        replace(INFORMATION, modules=(*INFORMATION.modules, (SOURCE, "h1:x"))),
    ],
)
def test_a_program_that_is_not_what_was_listed_is_refused(other: BuildInformation) -> None:
    with pytest.raises(InvalidInput) as caught:
        verify_build_information(WORLD.plan, PACKAGES, [other])
    assert caught.value.code == "sbom_disagrees"

"""What rules can read: without a doubt nothing of the configuration, or else it is fetched."""

from dataclasses import replace

import pytest

from assay.adapters.opa.reading import reads_config
from tests.fakes.policy import rule
from tests.fixtures.engines import POLICIES

SIGNED = rule("signature.authority")
GOOD = "package assay.rule.extra\n\nx := input.image.digest\n"


@pytest.mark.parametrize(
    "code",
    [
        "x := input.image.config.user",
        "x := input.image.created",
        "some platform in input.image.platforms",
        'x := input.image["config"]',
        "x := input.image[name]",
        'x := input["image"]',
        "some name, value in input",
        "walk(input, [path, value])",
        "x := user(input.image)",
        "import input.image as picture",
        "import input as document",
        "x := input . image . config",
        "x := 1 with input as y",
        "x := input.image # .digest",
        "# input.image.config is for others",
        "x := `\n# - input: schema.a`; y := input.image.config",
    ],
)
def test_what_may_reach_the_configuration_reads_it(code: str) -> None:
    assert reads_config({"rule/extra.rego": f"{GOOD}{code}\n".encode()}, [SIGNED])


@pytest.mark.parametrize(
    "code",
    [
        "x := count(input.signatures)",
        "some index in input.image.indexes",
        "# METADATA\n# schemas:\n#   - input: schema.assay_input_v1",
        "x := data.rule_data[input.request.tenant]",
        "inputs := 1",
        "some image in input.images",
    ],
)
def test_what_reads_other_members_by_their_names_does_not(code: str) -> None:
    assert not reads_config({"rule/extra.rego": f"{GOOD}{code}\n".encode()}, [SIGNED])


def test_a_rule_that_requires_the_configuration_reads_it_whatever_its_text_says() -> None:
    assert reads_config({"rule/extra.rego": GOOD.encode()}, [replace(SIGNED, requires=("config",))])
    assert not reads_config({"rule/extra.rego": GOOD.encode()}, [replace(SIGNED, requires=("sbom",))])


def test_the_shipped_policies_do_without_the_configuration() -> None:
    sources = {
        path.relative_to(POLICIES).as_posix(): path.read_bytes()
        for path in POLICIES.rglob("*.rego")
        if not path.name.endswith("_test.rego")
    }
    assert sources
    assert not reads_config(sources, [SIGNED])
    assert not reads_config({"schema/assay.input.v1.json": b'{"input.image": "config"}'}, [SIGNED])

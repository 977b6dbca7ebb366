import pytest

from assay.configuration.signer import parse_signer_configuration
from assay.domain.errors import ConfigError
from assay.domain.key_uri import TransitKey

GOOD = """\
version: 1
socket: run/signer.sock
log: signatures.log
key: cosign.key
group: builders
callers: [1000, 0]
allow:
  predicate_types: [https://spdx.dev/Document, https://slsa.dev/provenance/v1]
  builders: [https://builder.test/release]
  simple_signing: true
  manifests: false
"""


def test_every_field_arrives() -> None:
    settings = parse_signer_configuration(GOOD.encode())
    assert (settings.socket, settings.log, settings.key) == ("run/signer.sock", "signatures.log", "cosign.key")
    assert (settings.group, settings.callers) == ("builders", frozenset({0, 1000}))
    rule = settings.rule
    assert rule.predicate_types == {"https://spdx.dev/Document", "https://slsa.dev/provenance/v1"}
    assert rule.builders == {"https://builder.test/release"}
    assert (rule.simple_signing, rule.manifests) == (True, False)


def test_a_key_may_live_in_a_service() -> None:
    settings = parse_signer_configuration(GOOD.replace("cosign.key", "openbao://release").encode())
    assert settings.key == TransitKey(server="openbao", key="release")


def test_who_may_call_may_be_left_out() -> None:
    text = GOOD.replace("group: builders\ncallers: [1000, 0]\n", "")
    settings = parse_signer_configuration(text.encode())
    assert (settings.group, settings.callers) == ("", frozenset())


@pytest.mark.parametrize(
    ("good", "bad", "place"),
    [
        ("version: 1", "version: 2", "version"),
        ("socket: run/signer.sock\n", "", "socket"),
        ("log: signatures.log\n", "", "log"),
        ("key: cosign.key\n", "", "key"),
        ("key: cosign.key", "key: awskms://nowhere", "key"),
        ("group: builders", "group: Two Words", "group"),
        ("[1000, 0]", "[root]", "callers"),
        ("[1000, 0]", "['-1']", "callers"),
        ("[1000, 0]", "[4294967295]", "callers"),
        ("https://spdx.dev/Document", "https://slsa.dev/provenance/v0.2", "allow.predicate_types"),
        (", https://slsa.dev/provenance/v1", "", "allow.builders"),
        ("  builders: [https://builder.test/release]\n", "", "allow.builders"),
        ("simple_signing: true", "simple_signing: maybe", "allow.simple_signing"),
        ("  manifests: false", "  everything: true", "allow"),
        ("version: 1", "version: 1\nunknown: x", "unknown"),
        ("version: 1", "- version", "the configuration"),
    ],
)
def test_what_cannot_be_meant_is_refused(good: str, bad: str, place: str) -> None:
    assert good in GOOD
    with pytest.raises(ConfigError) as caught:
        parse_signer_configuration(GOOD.replace(good, bad).encode())
    assert caught.value.code == "configuration_invalid"
    assert place in caught.value.message


def test_a_signer_that_may_sign_nothing_is_a_mistake() -> None:
    allow = GOOD.index("allow:")
    with pytest.raises(ConfigError) as caught:
        parse_signer_configuration((GOOD[:allow] + "allow: {simple_signing: false}\n").encode())
    assert caught.value.code == "configuration_invalid"

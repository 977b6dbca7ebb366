"""Authorities and trust roots in the configuration: what is accepted, and what is refused where."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from assay.configuration.reader import parse_configuration
from assay.configuration.settings import AuthoritySettings, KeySettings, Settings
from assay.domain.errors import ConfigError
from assay.domain.key_uri import AwsKey, TransitKey
from assay.verification.identity import SanType
from assay.verification.trust_root import TrustProfile
from tests.unit.configuration.test_reader import GOOD

AUTHORITIES = "authorities:\n  release: {keys: [cosign.pub]}\n"
KEYLESS = """\
authorities:
  ci:
    identities:
      - issuer: https://token.actions.githubusercontent.com
        san: {glob: "https://github.com/acme/*/.github/workflows/*@refs/tags/*"}
        extensions:
          build_trigger: push
          source_repository_ref: {regex: "refs/tags/v[0-9.]+"}
        github_workflow: {repository: acme/app, workflow: release.yml}
      - no_issuer: true
        san: {exact: "alice", regex: "a.*"}
        san_type: other_name
    trust_root: public
trust_roots:
  public: {public_good: true}
"""


def read(text: str) -> Settings:
    assert AUTHORITIES in GOOD
    return parse_configuration(GOOD.replace(AUTHORITIES, text).encode())


def authority(text: str = KEYLESS) -> AuthoritySettings:
    return read(text).trust.authorities[0]


def refused(text: str, place: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert caught.value.code == "configuration_invalid"
    assert place in caught.value.message


def test_an_authority_of_keys_needs_nothing_else() -> None:
    assert authority(AUTHORITIES) == AuthoritySettings(
        name="release", keys=(KeySettings(file="cosign.pub"),), identities=(), trust_root=""
    )


def test_every_part_of_an_identity_arrives() -> None:
    first, second = authority().identities
    assert first.issuer is not None
    assert first.issuer.exact == "https://token.actions.githubusercontent.com"
    assert first.san.glob.startswith("https://github.com/acme/*/")
    assert [name for name, _ in first.extensions] == ["build_trigger", "source_repository_ref"]
    assert first.github is not None
    assert second.issuer is None
    assert (second.san.exact, second.san.regex, second.san_type) == ("alice", "a.*", SanType.OTHER_NAME)


def test_keys_may_have_a_trust_root_too() -> None:
    text = AUTHORITIES.replace("]}", "], trust_root: own}")
    settings = read(text + "trust_roots: {own: {file: root.json, profile: github}}\n")
    assert settings.trust.authorities[0].trust_root == "own"
    (root,) = settings.trust.roots
    assert (root.name, root.file, root.profile) == ("own", "root.json", TrustProfile.github())


WINDOW = "{file: a.pub, valid_from: 2026-03-01T12:00:00Z, valid_until: 2026-03-02T12:00:00Z}"
WINDOWED = f"""\
authorities:
  release: {{keys: [{WINDOW}, b.pub], trust_root: public}}
trust_roots: {{public: {{public_good: true}}}}
"""


def test_a_key_may_live_in_a_service() -> None:
    text = WINDOWED.replace("file: a.pub", "uri: hashivault://release").replace("b.pub", "awskms:///alias/b")
    first, second = authority(text).keys
    assert first == replace(authority(WINDOWED).keys[0], file="", uri=TransitKey(server="hashivault", key="release"))
    assert second == KeySettings(uri=AwsKey(key="alias/b"))


def test_a_key_may_have_a_window() -> None:
    (open_key, _) = authority(WINDOWED.replace(", valid_until: 2026-03-02T12:00:00Z", "")).keys
    assert open_key.valid_until is None
    first, second = authority(WINDOWED).keys
    assert first.valid_from == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert first.valid_until == datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert second == KeySettings(file="b.pub")


@pytest.mark.parametrize(
    ("good", "bad", "place"),
    [
        ("valid_from: 2026", "valid_from: 2027", "keys[0]"),
        ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00", "valid_from"),
        ("2026-03-01T12:00:00Z", "2026-02-30T12:00:00Z", "valid_from"),
        ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00+02:00Z", "valid_from"),
        ("file: a.pub, ", "", "keys[0]"),
        ("file: a.pub, ", "file: a.pub, uri: k8s://n/s, ", "keys[0]"),
        ("file: a.pub, ", "uri: k8s://nowhere, ", "authorities"),
        ("b.pub", "awskms://nowhere", "authorities"),
        ("file: a.pub, ", "file: a.pub, from: x, ", "from"),
        (", trust_root: public", "", "authorities.release"),
        (f"[{WINDOW}, b.pub]", "[]", "keys"),
        (f"[{WINDOW}, b.pub]", "[[a.pub]]", "keys[0]"),
    ],
)
def test_a_window_that_cannot_be_meant_is_refused(good: str, bad: str, place: str) -> None:
    assert good in WINDOWED
    refused(WINDOWED.replace(good, bad), place)


@pytest.mark.parametrize(
    ("root", "profile"),
    [
        ("{public_good: true}", TrustProfile.public_good()),
        ("{file: root.json, profile: public_good}", TrustProfile.public_good()),
        (
            "{file: root.json, profile: {log_entries: 0, scts: 2, timestamps: 1, certificate_chains: true}}",
            TrustProfile(log_entries=0, scts=2, timestamps=1, certificate_chains=True),
        ),
        (
            "{public_good: true, profile: {log_entries: 2, scts: 1, timestamps: 1}}",
            TrustProfile(log_entries=2, scts=1, timestamps=1),
        ),
    ],
)
def test_a_profile_is_named_or_written_out(root: str, profile: TrustProfile) -> None:
    assert read(KEYLESS.replace("{public_good: true}", root)).trust.roots[0].profile == profile


DEFECTS: dict[str, tuple[str, str, str]] = {
    "an unknown field of an identity": ("san_type: other_name", "san_type: other_name\n        subject: x", "subject"),
    "an unknown form of a pattern": ('{exact: "alice"', '{prefix: "a", exact: "alice"', "prefix"),
    "a pattern without form": ('{exact: "alice", regex: "a.*"}', "{}", "identities[1]"),
    "a regex that is none": ('"a.*"', '"("', "identities[1]"),
    "an unknown claim": ("build_trigger", "build_triger", "build_triger"),
    "extensions without a claim": ('push\n          source_repository_ref: {regex: "refs/tags/v[0-9.]+"}', "", "build"),
    "an unknown type of subject": ("san_type: other_name", "san_type: host", "host"),
    "a subject without form or type": ("san_type: other_name", "", "identities[1]"),
    "an issuer and none": ("no_issuer: true", "no_issuer: true\n        issuer: x", "no_issuer"),
    "no issuer that is false": ("no_issuer: true", "no_issuer: false", "no_issuer"),
    "no issuer that is neither": ("no_issuer: true", "no_issuer: yes", "neither true nor false"),
    "a workflow without repository": ("{repository: acme/app, ", "{", "repository"),
    "a workflow with another field": ("{repository: acme/app, ", "{repository: acme/app, ref: x, ", "ref"),
    "a workflow that is a path": ("release.yml}", "a/release.yml}", "identities[0]"),
    "no trust root": ("    trust_root: public\n", "", "authorities.ci"),
    "a trust root that is not there": ("trust_root: public", "trust_root: private", "private"),
    "a trust root that nobody names": ("trust_roots:\n", "trust_roots:\n  more: {public_good: true}\n", "more"),
    "a trust root without source": ("{public_good: true}", "{profile: github}", "trust_roots.public"),
    "a trust root with two sources": ("{public_good: true}", "{public_good: true, file: x}", "trust_roots.public"),
    "a file without profile": ("{public_good: true}", "{file: x}", "profile"),
    "an unknown profile": ("{public_good: true}", "{public_good: true, profile: none}", "none"),
    "a profile that asks for nothing": (
        "{public_good: true}",
        "{public_good: true, profile: {log_entries: 0, scts: 1, timestamps: 0}}",
        "trust_roots.public.profile",
    ),
    "a profile with a number left out": (
        "{public_good: true}",
        "{public_good: true, profile: {log_entries: 1, timestamps: 0}}",
        "scts",
    ),
    "a profile with another field": (
        "{public_good: true}",
        "{public_good: true, profile: {log_entries: 1, scts: 1, timestamps: 0, observer: 1}}",
        "observer",
    ),
    "a root with another field": ("{public_good: true}", "{public_good: true, url: x}", "url"),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_cve_2025_29778_what_is_not_understood_is_refused(defect: str) -> None:
    good, bad, place = DEFECTS[defect]
    assert good in KEYLESS
    refused(KEYLESS.replace(good, bad), place)
    assert authority()


def test_an_authority_that_nobody_can_meet_is_refused() -> None:
    refused("authorities: {release: {trust_root: public}}\ntrust_roots: {public: {public_good: true}}\n", "release")
    refused("authorities: {}\n", "authorities")


def test_an_empty_section_of_extensions_is_refused() -> None:
    text = KEYLESS.replace("extensions:\n          build_trigger: push\n", "extensions: {}\n")
    refused(text.replace('          source_repository_ref: {regex: "refs/tags/v[0-9.]+"}\n', ""), "extensions")

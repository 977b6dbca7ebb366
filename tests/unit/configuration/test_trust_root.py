"""Trust roots from TUF repositories, and quorums: what is accepted, and what is refused where."""

import pytest

from assay.configuration.settings import Settings, TufSettings
from assay.domain.errors import ConfigError
from assay.domain.quorum import Quorum
from assay.verification.trust_root import TrustProfile
from tests.unit.configuration.test_trust import KEYLESS, read, refused

OWN = "{tuf: {url: https://tuf.example/repository, root: root.json}, profile: github}"
DEFAULT = TufSettings(
    url="https://tuf-repo-cdn.sigstore.dev",
    root="",
    target="trusted_root.json",
    ca="",
    refresh_seconds=3600,
    max_age_seconds=14 * 24 * 3600,
)


def with_root(text: str) -> str:
    return KEYLESS.replace("{public_good: true}", text)


def tuf(text: str) -> TufSettings:
    found = read(with_root(text)).trust.roots[0].tuf
    assert found is not None
    return found


def test_the_public_good_repository_needs_nothing_else() -> None:
    assert tuf("{tuf: {public_good: true}}") == DEFAULT
    assert read(with_root("{tuf: {public_good: true}}")).trust.roots[0].profile == TrustProfile.public_good()


def test_a_mirror_is_trusted_by_the_same_root_metadata() -> None:
    found = tuf("{tuf: {mirror: https://mirror.example/tuf/, ca: ca.crt}}")
    assert (found.url, found.root, found.ca) == ("https://mirror.example/tuf", "", "ca.crt")


def test_a_repository_of_ones_own_has_its_own_root_metadata_and_profile() -> None:
    text = OWN.replace("root.json}", "root.json, target: a/b.json, refresh_minutes: 5, max_age_hours: 48}")
    found = tuf(text)
    assert (found.url, found.root, found.target) == ("https://tuf.example/repository", "root.json", "a/b.json")
    assert (found.refresh_seconds, found.max_age_seconds) == (300, 48 * 3600)
    assert tuf(OWN).target == "trusted_root.json"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000", "http://[::1]:8000/tuf", "http://localhost/tuf", "https://[2001:db8::1]"]
)
def test_loopback_needs_no_tls(url: str) -> None:
    assert tuf(OWN.replace("https://tuf.example/repository", f'"{url}"')).url == url


def test_plain_http_is_allowed_by_name_only() -> None:
    plain = OWN.replace("https:", "http:")
    refused(with_root(plain), "not encrypted")
    refused(with_root(plain.replace("root.json}", "root.json, plain_http: false}")), "not encrypted")
    assert tuf(plain.replace("root.json}", "root.json, plain_http: true}")).url.startswith("http:")


@pytest.mark.parametrize(
    ("good", "bad", "place"),
    [
        ("url: https://tuf.example/repository, ", "", "trust_roots.public.tuf"),
        ("url: https", "public_good: true, url: https", "trust_roots.public.tuf"),
        ("{tuf: ", "{file: x, tuf: ", "trust_roots.public"),
        ("{tuf: ", "{public_good: true, tuf: ", "trust_roots.public"),
        ("root.json}", "root.json, mirror: https://b.example}", "trust_roots.public.tuf"),
        (", root: root.json", "", "trust_roots.public.tuf.root"),
        ("url: https", "mirror: https", "root"),
        ("https://tuf.example/repository", "ftp://tuf.example", "not an address"),
        ("https://tuf.example/repository", "https://user@tuf.example", "not an address"),
        ("https://tuf.example/repository", '"https://tuf.example/a?b"', "not an address"),
        ("https://tuf.example/repository", "https://tuf.example/a/../b", "not an address"),
        ("https://tuf.example/repository", "https://tuf.example/a/..", "not an address"),
        ("https://tuf.example/repository", "https://tuf.example/%2e%2e", "not an address"),
        ("root.json}", "root.json, refresh_minutes: 0}", "refresh_minutes"),
        ("root.json}", "root.json, max_age_hours: 0}", "max_age_hours"),
        ("root.json}", "root.json, refresh_minutes: 60, max_age_hours: 1}", "max_age_hours"),
        ("root.json}", "root.json, refresh: 60}", "refresh"),
        (", profile: github", "", "profile"),
    ],
)
def test_a_repository_that_cannot_be_meant_is_refused(good: str, bad: str, place: str) -> None:
    assert good in OWN
    text = with_root(OWN.replace(good, bad))
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert caught.value.code == "configuration_invalid"
    assert place in f"{caught.value.message} {caught.value.remedy}"
    assert tuf(OWN)


@pytest.mark.parametrize("text", ["{tuf: {public_good: false}}", "{public_good: false}"])
def test_public_good_is_true_or_left_out(text: str) -> None:
    refused(with_root(text), "public_good")
    assert read(with_root(text.replace("false", "true")))


@pytest.mark.parametrize("name", ["../root.json", "a/../../b", "/root.json", "a//b", ".", "a/.hidden", "a b", "a%2fb"])
def test_cve_2026_24137_a_target_is_a_path_of_plain_names(name: str) -> None:
    refused(with_root(OWN.replace("root.json}", f'root.json, target: "{name}"}}')), "not a target")
    assert tuf(OWN.replace("root.json}", "root.json, target: a/b-c_d.json}")).target == "a/b-c_d.json"


QUORUM = "{authorities: [ci, release, security], threshold: 2, required: [ci]}"
QUORUMS = f"""\
authorities:
  ci: {{keys: [a.pub]}}
  release: {{keys: [b.pub]}}
  security: {{keys: [c.pub]}}
quorums:
  board: {QUORUM}
"""


def board(text: str = QUORUMS) -> Settings:
    return read(text)


def test_a_quorum_arrives() -> None:
    quorum = Quorum(authorities=("ci", "release", "security"), threshold=2, required=("ci",))
    assert board().trust.quorums == (("board", quorum),)
    free = board(QUORUMS.replace(", required: [ci]", "")).trust.quorums[0][1]
    assert free.required == ()
    assert read("authorities: {ci: {keys: [a.pub]}}\n").trust.quorums == ()


@pytest.mark.parametrize(
    ("good", "bad", "place"),
    [
        ("threshold: 2", "threshold: 0", "threshold"),
        ("threshold: 2", "threshold: 4", "quorums.board"),
        ("threshold: 2, ", "", "threshold"),
        ("authorities: [ci, release, security]", "authorities: [ci, release, unknown]", "'unknown'"),
        ("authorities: [ci, release, security]", "authorities: [ci, ci, release]", "quorums.board"),
        ("authorities: [ci, release, security], ", "", "authorities"),
        ("required: [ci]", "required: [other]", "quorums.board"),
        ("required: [ci]", "required: []", "required"),
        ("required: [ci]", "required: [ci], veto: [ci]", "veto"),
        ("  board:", "  ci:", "quorums.ci"),
        ("  board:", "  Board:", "Board"),
    ],
)
def test_a_quorum_that_cannot_be_meant_is_refused(good: str, bad: str, place: str) -> None:
    assert good in QUORUMS
    refused(QUORUMS.replace(good, bad, 1), place)
    assert board()

"""Who signs evidence, from a signing config, a trusted root and a key or a token."""

from pathlib import Path

import pytest

from assay.bootstrap.composition import SystemComposition
from assay.domain.errors import AssayError, ConfigError, InvalidInput
from assay.ports import EvidenceSigner
from tests.fakes.desk import write_signing_config
from tests.fakes.http_server import Script, answering
from tests.fakes.oci import soon
from tests.fakes.oidc import FakeOidcProvider

PARTS = SystemComposition()


def service(url: str, **changes: object) -> dict[str, object]:
    valid = {"start": "2021-01-01T00:00:00Z"}
    return {"url": url, "majorApiVersion": 1, "operator": "t", "validFor": valid, **changes}


def test_a_certificate_is_asked_for_with_the_token_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.bootstrap.signing.find_ambient_token", lambda: None)
    token = FakeOidcProvider(url="http://127.0.0.1:1").sign_mail("alice@sigstore.test")
    monkeypatch.setattr("assay.bootstrap.signing.ask_for_token", lambda _: token)
    with answering(Script(status=403)) as script:
        config, root = write_signing_config(tmp_path, caUrls=[service(script.url)])

        def make(token: str | None, *, login: bool) -> EvidenceSigner:
            return PARTS.keyless_signer(
                signing_config=config, trusted_root=root, token=token, login=login, deadline=soon()
            )

        for given, login, code in ((token, False, "sigstore_refused"), (None, True, "sigstore_refused")):
            with pytest.raises(InvalidInput) as caught:
                make(given, login=login)
            assert caught.value.code == code
        assert [headers["authorization"] for _, _, headers, _ in script.seen] == [f"Bearer {token}"] * 2
        with pytest.raises(InvalidInput) as caught:
            make(None, login=False)
    assert (caught.value.code, len(script.seen)) == ("identity_token_unusable", 2)


@pytest.mark.parametrize("change", ["caUrls", "rekorTlogUrls"])
def test_an_identity_needs_a_ca_and_somebody_who_vouches(tmp_path: Path, change: str) -> None:
    config, root = write_signing_config(tmp_path, **{change: []})
    with pytest.raises(ConfigError) as caught:
        PARTS.keyless_signer(signing_config=config, trusted_root=root, token="a", login=False, deadline=soon())
    assert (caught.value.code, str(config) in caught.value.message) == ("signing_config_unusable", True)


def test_a_key_is_backed_by_a_log_or_an_authority_of_timestamps(tmp_path: Path) -> None:
    def code(**changes: object) -> str:
        config, root = write_signing_config(tmp_path, **changes)
        try:
            assert PARTS.backing(signing_config=config, trusted_root=root, begin=soon).certificate is None
        except AssayError as error:
            return error.code
        return ""

    stamps = {"tsaUrls": [service("http://127.0.0.1:1")], "tsaConfig": {"selector": "ALL"}}
    assert code() == ""
    assert code(rekorTlogUrls=[], **stamps) == ""
    assert code(rekorTlogUrls=[]) == "signing_config_unusable"

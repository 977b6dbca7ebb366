"""Who may send a notification."""

import hmac

import pytest

from assay.domain.errors import InvalidInput
from assay.domain.notification import SourceKind
from assay_webhooks.notification.sender import verify_sender
from tests.fakes.notification import SECRET

BODY = b'{"action": "published"}'
NEW = b"the secret after rotation"
TOKEN_KINDS = [SourceKind.DISTRIBUTION, SourceKind.HARBOR, SourceKind.EVENTBRIDGE]


def signed(secret: bytes, body: bytes = BODY) -> dict[str, str]:
    return {"x-hub-signature-256": f"sha256={hmac.digest(secret, body, 'sha256').hex()}"}


def shown(text: str) -> dict[str, str]:
    return {"authorization": text}


def refusal(kind: SourceKind, headers: dict[str, str], *secrets: bytes, body: bytes = BODY) -> str:
    with pytest.raises(InvalidInput) as caught:
        verify_sender(kind, body, headers, secrets or (SECRET,))
    assert SECRET.decode() not in str(caught.value)
    return caught.value.code


def test_the_signature_of_the_document_of_github_is_understood() -> None:
    # The example of "Validating webhook deliveries" in GitHub's documentation.
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    verify_sender(
        SourceKind.GITHUB, b"Hello, World!", {"x-hub-signature-256": signature}, (b"It's a Secret to Everybody",)
    )


@pytest.mark.parametrize(
    "headers",
    [
        {},
        signed(b"another secret"),
        signed(SECRET, b"another body"),
        {"x-hub-signature-256": signed(SECRET)["x-hub-signature-256"].removeprefix("sha256=")},
        {"x-hub-signature-256": signed(SECRET)["x-hub-signature-256"].upper()},
        {"x-hub-signature-256": signed(SECRET)["x-hub-signature-256"][:-1]},
        {"x-hub-signature": signed(SECRET)["x-hub-signature-256"]},
        {"x-hub-signature-256": "\udcff"},
        shown(SECRET.decode()),
    ],
)
def test_github_signs_the_body_as_it_was_sent(headers: dict[str, str]) -> None:
    verify_sender(SourceKind.GITHUB, BODY, signed(SECRET), (SECRET,))
    assert refusal(SourceKind.GITHUB, headers) == "caller_unknown"


def test_a_body_that_was_changed_on_the_way_is_refused() -> None:
    assert refusal(SourceKind.GITHUB, signed(SECRET), body=BODY + b" ") == "caller_unknown"


@pytest.mark.parametrize("kind", TOKEN_KINDS)
@pytest.mark.parametrize("text", ["", "Bearer ", "Bearer another", "bearer", SECRET.decode()[:-1], "Basic x"])
def test_the_others_show_the_secret(kind: SourceKind, text: str) -> None:
    verify_sender(kind, BODY, shown(SECRET.decode()), (SECRET,))
    verify_sender(kind, BODY, shown(f"Bearer {SECRET.decode()}"), (SECRET,))
    assert refusal(kind, shown(text)) == "caller_unknown"
    assert refusal(kind, signed(SECRET)) == "caller_unknown"


@pytest.mark.parametrize("secret", [SECRET, NEW])
def test_during_a_rotation_both_secrets_count(secret: bytes) -> None:
    verify_sender(SourceKind.GITHUB, BODY, signed(secret), (SECRET, NEW))
    verify_sender(SourceKind.HARBOR, BODY, shown(secret.decode()), (SECRET, NEW))


def test_after_a_rotation_the_old_secret_counts_no_more() -> None:
    assert refusal(SourceKind.GITHUB, signed(SECRET), NEW) == "caller_unknown"
    assert refusal(SourceKind.HARBOR, shown(SECRET.decode()), NEW) == "caller_unknown"


def test_without_a_secret_nobody_is_known() -> None:
    with pytest.raises(ValueError, match="without a secret"):
        verify_sender(SourceKind.HARBOR, BODY, shown(""), ())

"""Credentials for registries."""

from dataclasses import dataclass, field

from assay.domain.errors import InvalidInput

_LONGEST = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A user name with a password, or an identity token that is exchanged for access tokens (OAuth 2 refresh token).

    Neither part is ever shown by `repr`. Raises `InvalidInput(credential_malformed)`, without quoting it, for a part
    that no header can carry.
    """

    username: str = field(repr=False)
    secret: str = field(repr=False)
    identity_token: bool = False

    def __post_init__(self) -> None:
        parts = (self.username, self.secret)
        if not self.secret or ":" in self.username or not all(map(_is_sendable, parts)):
            raise InvalidInput(
                "credential_malformed",
                "a credential is empty, too long or has characters that no header carries",
                remedy="log in to the registry again",
            )


def _is_sendable(text: str) -> bool:
    return len(text) <= _LONGEST and all(character.isprintable() for character in text)

"""Who is calling."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from assay.domain.caller import Caller, Role
from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput

_SCHEME = "bearer "


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerBook:
    """Known callers by the SHA-256 digest of their token, and the one caller without a token (local addresses only)."""

    by_token: Mapping[Digest, Caller] = field(hash=False)
    local: Caller | None

    def identify(self, authorization: str | None) -> Caller:
        """The caller behind an Authorization header.

        A token that is unknown is refused even where callers without a token are welcome. Tokens are looked up by
        digest, so the comparison tells nothing about them. Raises `InvalidInput(caller_unknown)`.
        """
        if authorization is None:
            if self.local is not None:
                return self.local
        elif authorization.lower().startswith(_SCHEME):
            token = authorization[len(_SCHEME) :].strip()
            if caller := self.by_token.get(Digest.of(token.encode())):
                return caller
        raise InvalidInput(
            "caller_unknown", "the call carries no token that is known here", remedy="send `Authorization: Bearer …`"
        )


def require_role(caller: Caller, role: Role) -> None:
    """Refuse a caller without this role (`InvalidInput(role_missing)`)."""
    if role not in caller.roles:
        raise InvalidInput(
            "role_missing", f"caller {caller.name} does not have the role {role.value}", remedy="ask for that role"
        )


def require_environment(caller: Caller, environment: str) -> None:
    """Refuse an environment that is not the caller's (`InvalidInput(environment_forbidden)`)."""
    if environment not in caller.environments:
        raise InvalidInput(
            "environment_forbidden",
            f"caller {caller.name} may not ask for the environment {environment[:64]!r}",
            remedy=f"use one of {', '.join(caller.environments)}",
        )

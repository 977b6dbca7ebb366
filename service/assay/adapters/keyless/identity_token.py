"""Where the identity of a keyless signature comes from: a token at hand, the CI system, or a browser."""

from sigstore.errors import Error
from sigstore.oidc import ExpiredIdentity, IdentityError, IdentityToken, Issuer, IssuerError, detect_credential

from assay.domain.errors import InvalidInput, Unavailable


def read_token(text: str) -> IdentityToken:
    """The token; `InvalidInput(identity_token_unusable)` for one that is malformed, expired or for somebody else."""
    try:
        return IdentityToken(text.strip())
    except (IdentityError, ExpiredIdentity) as error:
        raise InvalidInput(
            "identity_token_unusable",
            f"the identity token cannot be used: {str(error)[:200]}",
            remedy="give a fresh OIDC token whose audience is sigstore",
        ) from error


def find_ambient_token() -> IdentityToken | None:
    """The token that the CI system of this job gives out; None outside of one.

    Raises `Unavailable(identity_unavailable)` when the CI system refuses or does not answer.
    """
    try:
        found = detect_credential()
    except (Error, OSError) as error:
        raise Unavailable(
            "identity_unavailable",
            "the CI system gives no identity token",
            remedy="let the job have one (GitHub: permissions: id-token: write), or give --identity-token",
        ) from error
    return read_token(found) if found is not None else None


def ask_for_token(issuer: str) -> IdentityToken:
    """The token of whoever logs in with a browser at this OIDC issuer.

    Raises `Unavailable(identity_unavailable)`.
    """
    try:
        return Issuer(issuer).identity_token()
    except (Error, IssuerError, ExpiredIdentity, OSError, ValueError, KeyError) as error:
        raise Unavailable(
            "identity_unavailable",
            f"{issuer} gave no identity token ({type(error).__name__})",
            remedy="log in again, or give --identity-token",
        ) from error

"""Image references: registry, repository, tag, digest."""

import re
from dataclasses import dataclass, replace
from typing import Self

from assay.domain.digest import Digest
from assay.domain.errors import InvalidInput

_DEFAULT_REGISTRY = "docker.io"
_DOCKER_HUB = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:]{{2,39}}\])(?::[0-9]{{1,5}})?", re.ASCII)
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*", re.ASCII)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", re.ASCII)
_LONGEST_NAME = 255
_LONGEST_REFERENCE = 512
_HIGHEST_PORT = 65535


def _malformed(text: str, why: str) -> InvalidInput:
    return InvalidInput(
        "reference_malformed",
        f"{text[:200]!r} is not an image reference: {why}",
        remedy="write [registry/]repository[:tag][@sha256:digest] in lower case without blanks",
    )


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Repository:
    """A repository in a registry, canonical: lower-case host, default registry and `library/` written out.

    `registry` is `host[:port]`, `path` the repository's name there. Raises `InvalidInput(reference_malformed)`.
    """

    registry: str
    path: str

    def __post_init__(self) -> None:
        if not _HOST.fullmatch(self.registry) or not _port_is_possible(self.registry):
            raise _malformed(self.name, f"{self.registry[:100]!r} is not a registry host")
        if not _REPOSITORY.fullmatch(self.path) or len(self.path) > _LONGEST_NAME:
            raise _malformed(self.name, f"{self.path[:100]!r} is not a repository name")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse `[registry/]path`, without tag or digest."""
        first, separator, rest = text.partition("/")
        names_a_host = bool(separator) and ("." in first or ":" in first or first.lower() == "localhost")
        registry, path = (first.lower(), rest) if names_a_host else (_DEFAULT_REGISTRY, text)
        return cls.on(_DEFAULT_REGISTRY if registry in _DOCKER_HUB else registry, path)

    @classmethod
    def on(cls, registry: str, path: str) -> Self:
        """A path as it is written for a registry: the default registry's short names are written out."""
        return cls(registry=registry, path=path if "/" in path or registry != _DEFAULT_REGISTRY else f"library/{path}")

    @property
    def name(self) -> str:
        """`registry/path`: the canonical name policies match."""
        return f"{self.registry}/{self.path}"

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Reference:
    """A repository with a tag, a digest or both; with a digest the tag is for display only.

    A reference without either gets the tag `latest`. Strict and anchored: blanks, upper-case repositories and
    non-ASCII hosts are refused (OCI distribution specification 1.1, "pulling manifests").
    """

    repository: Repository
    tag: str = ""
    digest: Digest | None = None

    def __post_init__(self) -> None:
        if self.tag and not _TAG.fullmatch(self.tag):
            raise _malformed(self.tag, "the tag has characters that tags cannot have")
        if not self.tag and self.digest is None:
            raise _malformed(self.repository.name, "it has neither tag nor digest")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse any form a user may write; `InvalidInput(reference_malformed)` for everything else."""
        if not text or len(text) > _LONGEST_REFERENCE or not text.isascii() or text != text.strip():
            raise _malformed(text, "it is empty, too long, not ASCII or has blanks around it")
        name, at, digest_text = text.partition("@")
        digest = _parse_digest(text, digest_text) if at else None
        head, slash, last = name.rpartition("/")
        last, colon, tag = last.partition(":")
        if colon and not tag:
            raise _malformed(text, "the tag is empty")
        if not colon and digest is None:
            tag = "latest"
        return cls(repository=Repository.parse(f"{head}{slash}{last}"), tag=tag, digest=digest)

    def pinned(self, digest: Digest) -> "Reference":
        """The same reference with this digest; the tag is kept for humans."""
        return replace(self, digest=digest)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.repository}{tag}{digest}"


def _parse_digest(text: str, digest_text: str) -> Digest:
    try:
        return Digest(digest_text)
    except InvalidInput as error:
        raise _malformed(text, "the digest is malformed") from error


def _port_is_possible(registry: str) -> bool:
    _, colon, port = registry.rpartition(":")
    return not colon or registry.endswith("]") or 0 < int(port) <= _HIGHEST_PORT

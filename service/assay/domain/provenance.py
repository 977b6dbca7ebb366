"""Provenance: who built an artefact, how, and from what."""

from dataclasses import dataclass

from assay.domain.digest import Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """One input of a build: name, URI and digests (algorithm, value) as the builder recorded them."""

    name: str = ""
    uri: str = ""
    digests: tuple[tuple[str, str], ...] = ()

    @property
    def commit(self) -> str:
        """The commit in lower-case hex, or an empty text."""
        known = dict(self.digests)
        return known.get("gitCommit", "") or known.get("sha1", "")

    @property
    def digest(self) -> Digest | None:
        """The SHA-256 digest, if it was recorded."""
        value = dict(self.digests).get("sha256", "")
        return Digest.from_hex(value) if value else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """SLSA provenance v1, reduced to what rules read.

    `source` is the material the build was made from, or None when the statement does not tell which one it is.
    """

    builder_id: str
    build_type: str
    invocation_id: str
    source: Material | None
    materials: tuple[Material, ...]

"""What a sandbox reports: how it confined a command, and what the command said."""

from dataclasses import dataclass, field

from assay.domain.digest import Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkProof:
    """What the network of a sandbox consisted of, read from outside before its command was let go.

    `namespace` is the inode of its network namespace, `host_namespace` the builder's own; `interfaces` maps each
    interface to the packets it had received and sent; `routes` are those that lead anywhere but to `lo`.
    """

    namespace: str
    host_namespace: str
    interfaces: tuple[tuple[str, int], ...]
    routes: tuple[str, ...]

    @property
    def isolated(self) -> bool:
        """Whether nothing can be reached: another namespace, only an idle `lo`, no route."""
        return (
            self.namespace != self.host_namespace
            and bool(self.namespace)
            and self.interfaces == (("lo", 0),)
            and not self.routes
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A confined command that ended with `status`; `output` is its standard output, `log` its standard error."""

    command: tuple[str, ...]
    status: int
    output: bytes = field(repr=False)
    log: bytes = field(repr=False)
    network: NetworkProof


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxIdentity:
    """Which sandbox confined a build: engine, version, and the digest of its arguments (without host paths)."""

    engine: str
    version: str
    arguments: Digest

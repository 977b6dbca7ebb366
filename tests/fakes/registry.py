"""An OCI registry on loopback that can be told to misbehave, path by path."""

import threading
from pathlib import Path
from typing import Self

from assay.domain.digest import Digest
from assay.domain.reference import Reference, Repository
from tests.fakes.registry_server import RegistryServer
from tests.fakes.registry_state import Fault, Guard, RegistryState, SeenRequest, TokenService

__all__ = ["FakeRegistry", "Fault", "Guard", "SeenRequest", "TokenService"]


class FakeRegistry(RegistryState):
    """A registry in this process; use it as a context manager, or call `stop`."""

    def __init__(self, *, referrers_api: bool, page_size: int, certificate: tuple[Path, Path] | None) -> None:
        super().__init__(referrers_api=referrers_api, page_size=page_size)
        self._server = RegistryServer(self, certificate)
        self._scheme = "https" if certificate else "http"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @classmethod
    def start(
        cls, *, referrers_api: bool = True, page_size: int = 1000, certificate: tuple[Path, Path] | None = None
    ) -> Self:
        """Start on a free loopback port; `certificate` (chain and key files) makes it speak TLS."""
        return cls(referrers_api=referrers_api, page_size=page_size, certificate=certificate)

    def stop(self) -> None:
        """Stop serving and cut every connection."""
        self._server.shutdown()
        self._server.cut_connections()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def host(self) -> str:
        """`127.0.0.1:port`."""
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        """`scheme://127.0.0.1:port`."""
        return f"{self._scheme}://{self.host}"

    def repository(self, path: str) -> Repository:
        """A repository of this registry."""
        return Repository(registry=self.host, path=path)

    def reference(self, path: str, *, tag: str = "", digest: Digest | None = None) -> Reference:
        """A reference into this registry."""
        return Reference(repository=self.repository(path), tag=tag, digest=digest)

    def demand_login(self, tokens: TokenService, *, basic: bool = False, realm: str = "") -> None:
        """Let in only who is known to `tokens`: by Basic, or by a token from `realm` (by default this registry)."""
        self.tokens = tokens
        self.guard = Guard(tokens=tokens, realm="" if basic else realm or f"{self.url}/token")

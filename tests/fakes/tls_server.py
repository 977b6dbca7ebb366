"""A web server, over TLS if need be, that clients may leave at any moment."""

import socket
import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class TlsServer(ThreadingHTTPServer):
    """Shakes hands in the thread of each connection; without a context it speaks plain HTTP."""

    daemon_threads = True

    def __init__(
        self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], context: ssl.SSLContext | None
    ) -> None:
        super().__init__(address, handler)
        self.context = context

    def finish_request(self, request: object, client_address: object) -> None:
        assert isinstance(request, socket.socket)
        if self.context is None:
            super().finish_request(request, client_address)
            return
        # The standard library leaves a socket open when it is to be wrapped and its client has reset it already.
        request.getpeername()
        with request.dup() as own, self.context.wrap_socket(own, server_side=True) as wrapped:
            super().finish_request(wrapped, client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients hang up on purpose in many tests; that is no news."""

"""A client of the provider, as Gatekeeper is one."""

import http.client
import json
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from demo.stack import Stack
from tests.fakes.provider import request_for

GATEKEEPER = "gatekeeper-webhook-service.gatekeeper-system.svc"
Files = tuple[Path, Path]


def provider_settings(tenant: str, environment: str) -> str:
    """The section `provider` of a stack whose clients have certificates of `clients-ca.crt`."""
    return f"""\
provider:
  listen: 127.0.0.1:0
  tls: {{certificate: tls.crt, key: tls.key, client_ca: clients-ca.crt}}
  client_names: [{GATEKEEPER}]
  tenant: {tenant}
  environment: {environment}
  workers: 1
  lame_duck_seconds: 0
"""


def ask_provider(
    stack: Stack,
    purpose: str,
    *keys: str,
    client: Files | None,
    newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED,
) -> dict[str, Any]:
    """Ask on a connection of its own; the `response` of the answer."""
    context = ssl.create_default_context(cafile=stack.ca)
    context.maximum_version = newest
    if client is not None:
        context.load_cert_chain(*client)
    address = urlsplit(stack.endpoint("provider"))
    assert address.scheme == "https"
    connection = http.client.HTTPSConnection(address.netloc, context=context, timeout=60)
    try:
        body, headers = json.dumps(request_for(*keys)), {"Content-Type": "application/json"}
        connection.request("POST", f"/{purpose}", body, headers)
        response: dict[str, Any] = json.loads(connection.getresponse().read())["response"]
        return response
    finally:
        connection.close()

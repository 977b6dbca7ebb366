"""What every server of the configuration has: TLS, and how long what may take."""

from assay.configuration.section import Section
from assay.configuration.settings import TlsFiles


def read_tls(section: Section) -> TlsFiles:
    """The section `tls` of a server."""
    files = TlsFiles(
        certificate=section.text("certificate"), key=section.text("key"), client_ca=section.text("client_ca", "")
    )
    section.finish()
    return files


def read_seconds(section: Section) -> int:
    """How long a handshake, and a request from its first byte to its last, may take."""
    return section.integer("read_seconds", 5, lowest=1, highest=60)


def read_lame_duck_seconds(section: Section, *, default: int) -> int:
    """How long new requests are served after the order to end."""
    return section.integer("lame_duck_seconds", default, lowest=0, highest=120)

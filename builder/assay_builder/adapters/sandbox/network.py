"""The network of another process, as the kernel reports it."""

from pathlib import Path

from assay_builder.confinement import NetworkProof

_DEV_HEADER_LINES = 2
_ROUTE_HEADER_LINES = 1
_LOOPBACK = "lo"
_RECEIVED_PACKETS, _SENT_PACKETS = 1, 9


def read_network(process: int, *, proc: Path = Path("/proc")) -> NetworkProof:
    """Read namespace, interfaces and routes of a process; `OSError` when the kernel does not tell."""
    folder = proc / str(process)
    return NetworkProof(
        namespace=(folder / "ns" / "net").readlink().name,
        host_namespace=(proc / "self" / "ns" / "net").readlink().name,
        interfaces=_interfaces((folder / "net" / "dev").read_text(encoding="ascii")),
        routes=(
            *(
                line
                for line in (folder / "net" / "route").read_text(encoding="ascii").splitlines()[_ROUTE_HEADER_LINES:]
                if line.split()[0] != _LOOPBACK
            ),
            *_routes_of_version_6(folder / "net" / "ipv6_route"),
        ),
    )


def _interfaces(text: str) -> tuple[tuple[str, int], ...]:
    interfaces = []
    for line in text.splitlines()[_DEV_HEADER_LINES:]:
        name, _, counters = line.partition(":")
        numbers = counters.split()
        interfaces.append((name.strip(), int(numbers[_RECEIVED_PACKETS]) + int(numbers[_SENT_PACKETS])))
    return tuple(sorted(interfaces))


def _routes_of_version_6(file: Path) -> tuple[str, ...]:
    """A kernel without IPv6 has no such file and no such routes."""
    if not file.exists():
        return ()
    return tuple(line for line in file.read_text(encoding="ascii").splitlines() if line.split()[-1] != _LOOPBACK)

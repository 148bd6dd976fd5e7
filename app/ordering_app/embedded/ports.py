"""Ports on the loopback interface."""

import random
import socket
from collections.abc import Iterator

LOOPBACK = "127.0.0.1"

# Below the range from which systems take source ports of outgoing connections (Linux: 32768 up).
# Inside that range a client that reconnects while the server restarts can be given the server's
# own port as its source port, connect to itself, and keep the server from binding.
PORTS = range(20_000, 32_000)
ATTEMPTS = 50


def port_is_free(port: int) -> bool:
    """Tell whether a server could listen on the port now; it may be gone a moment later."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As both servers do it: connections left over in TIME_WAIT do not count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_ports(preferred: int) -> Iterator[int]:
    """Yield ports to try: the preferred one (0: none) while it is free, then random free ones."""
    if preferred and port_is_free(preferred):
        yield preferred
    chance = random.SystemRandom()
    for _ in range(ATTEMPTS):
        port = chance.choice(PORTS)
        if port_is_free(port):
            yield port

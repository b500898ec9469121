"""The roll call: all processes of a run meet over TCP, before XLA connects them.

Where process 0 waits for one that never comes, or finds its port taken, XLA would end the process
from within, with a core dump and no word of qjax. So they first meet here, and then keep these
connections, for `qjax.distributed.watch`. No number of a computation goes over them.
"""

import json
import socket
import time
from typing import Any

from qjax.errors import DistributedError

PING = 1.0  # seconds between signs of life
LONGEST = 1 << 16  # bytes of a message; more is not from qjax


class Line:
    """One connection, which carries JSON objects, each on a line of its own."""

    def __init__(self, connection: socket.socket, index: int) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection = connection
        self.index = index  # of the process at the other end
        self.heard = time.monotonic()
        self.ended = False  # whether that process has said that it is done
        self._rest = b""
        self._waiting: list[dict[str, Any]] = []  # came with the message that `wait` gave

    def send(self, **message: Any) -> bool:
        """Whether the message could be sent."""
        try:
            self.connection.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            return False
        return True

    def receive(self) -> list[dict[str, Any]] | None:
        """The messages that have come, perhaps none yet; None if the connection has ended."""
        try:
            data = self.connection.recv(LONGEST)
        except TimeoutError:
            return []
        except OSError:
            return None
        if not data or len(self._rest) > LONGEST:
            return None
        self.heard = time.monotonic()
        *lines, self._rest = (self._rest + data).split(b"\n")
        try:
            messages = [json.loads(line) for line in lines]
        except ValueError:
            return None
        if not all(isinstance(one, dict) for one in messages):
            return None
        messages, self._waiting = self._waiting + messages, []
        return messages

    def wait(self, seconds: float) -> dict[str, Any] | None:
        """The first message, if one comes in time."""
        limit = time.monotonic() + seconds
        while (left := limit - time.monotonic()) > 0:
            self.connection.settimeout(left)
            messages = self.receive()
            if messages is None:
                return None
            if messages:
                first, *self._waiting = messages
                return first
        return None


def roll_call(
    host: str, port: int, processes: int, index: int, timeout: float, facts: dict[str, Any]
) -> tuple[list[Line], int]:
    """Wait until all processes are there.

    Args:
        host: Name or address of the host of process 0.
        port: Port on which process 0 listens.
        processes: How many there are.
        index: Which one this is.
        timeout: Seconds to wait.
        facts: What must be equal in all of them, such as versions.

    Returns:
        The lines to the other processes (of process 0) or to process 0 (of the others), and a port
        that was free on the host of process 0.

    Raises:
        DistributedError: If one does not come, comes twice, or has other facts.
    """
    facts = {"processes": processes} | facts
    limit = time.monotonic() + timeout
    if index:
        return _answer(host, port, index, limit, timeout, facts)
    lines: dict[int, Line] = {}
    turned_away: list[str] = []
    with _listen(host, port) as door:
        while len(lines) < processes - 1:
            door.settimeout(max(limit - time.monotonic(), 0.01))
            try:
                line = Line(door.accept()[0], -1)
            except TimeoutError:
                absent = _named([i for i in range(1, processes) if i not in lines])
                text = f"{absent} of {processes} did not come within {timeout:g} s"
                text += "".join(f"; {reason}" for reason in turned_away)
                for line in lines.values():
                    line.send(refused=text)
                    line.connection.close()
                raise DistributedError(
                    f"start: {text}. Start all of them within that time, or pass a longer timeout."
                ) from None
            hello = line.wait(2.0)
            if hello is None or "index" not in hello:  # a stranger
                line.connection.close()
                continue
            refusal = _refusal(hello, facts, lines)
            if refusal:
                turned_away.append(refusal)
                line.send(refused=refusal)
                line.connection.close()
                continue
            line.index = hello["index"]
            lines[line.index] = line
    free = _free_port(host)
    for line in lines.values():
        line.connection.settimeout(PING)
        line.send(go=free)
    return list(lines.values()), free


def _answer(
    host: str, port: int, index: int, limit: float, timeout: float, facts: dict[str, Any]
) -> tuple[list[Line], int]:
    """The roll call of a process other than 0."""
    where = f"process 0 at {host}:{port}"
    while True:
        try:
            connection = socket.create_connection((host, port), timeout=1.0)
        except OSError as error:
            if time.monotonic() > limit:
                raise DistributedError(
                    f"start: {where} did not answer process {index} within {timeout:g} s "
                    f"({error}). Start it too, check host and port, or pass a longer timeout."
                ) from None
            time.sleep(0.1)
            continue
        line = Line(connection, 0)
        line.send(index=index, facts=facts)
        reply = line.wait(max(limit - time.monotonic(), 1.0) + PING)
        if reply is not None and "go" in reply:
            line.connection.settimeout(PING)
            return [line], reply["go"]
        line.connection.close()
        if reply is not None and "refused" in reply:
            raise DistributedError(f"start: process {index} cannot take part: {reply['refused']}.")
        if time.monotonic() > limit:
            raise DistributedError(
                f"start: {where} did not gather all processes within {timeout:g} s. Start all of "
                "them within that time, or pass a longer timeout."
            )
        time.sleep(0.1)  # it has just ended, perhaps of an earlier run


def _refusal(hello: dict[str, Any], facts: dict[str, Any], lines: dict[int, Line]) -> str:
    """Why a process may not take part; empty if it may."""
    index, theirs = hello["index"], hello.get("facts", {})
    for name, mine in facts.items():
        if theirs.get(name) != mine:
            return f"process {index} has {name} {theirs.get(name)}, but process 0 has {mine}"
    if index in lines:
        return f"there are two processes with index {index}"
    if index not in range(1, facts["processes"]):
        return f"index must be in 0..{facts['processes'] - 1}, but is {index}"
    return ""


def _named(indices: list[int]) -> str:
    some = ", ".join(map(str, indices[:8])) + (", ..." if len(indices) > 8 else "")
    return f"process {some}" if len(indices) == 1 else f"processes {some}"


def is_loopback(host: str) -> bool:
    """Whether a host's name means this machine alone.

    Examples:
        >>> is_loopback("127.0.0.1"), is_loopback("localhost")
        (True, True)
    """
    return host in ("localhost", "::1") or host.startswith("127.")


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens: to this machine alone where the host's name says so."""
    try:
        if is_loopback(host):
            return socket.create_server((host, port), family=_family(host), backlog=1024)
        if socket.has_dualstack_ipv6():
            return socket.create_server(
                ("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=1024
            )
        return socket.create_server(("", port), backlog=1024)
    except OSError as error:
        raise DistributedError(
            f"start: process 0 must listen on port {port}, but cannot: {error}. Pass another port "
            "to all processes."
        ) from None


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _free_port(host: str) -> int:
    with socket.create_server((host if is_loopback(host) else "", 0), family=_family(host)) as one:
        return one.getsockname()[1]

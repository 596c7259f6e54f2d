"""What the checks share: the count of checks, the nodes, the codes of the page, failing calls."""

import contextlib
import pathlib
import re

from client import SCHEMAS, Connection, Ended
from frames import frame_bytes

PAGE = pathlib.Path(__file__).resolve().parents[3] / "protocol" / "README.md"
CODES = {
    int(number): name
    for name, number in re.findall(r"^\| `([a-z-]+)` \| (\d+) \|", PAGE.read_text(), re.M)
}


def code_name(number):
    """The code's name on the page."""
    return "normal end" if number == 0 else CODES.get(number, f"code {number}")


class Report:
    """Counts the checks and prints each that fails."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def that(self, claim, is_true, detail=""):
        """One check."""
        self.count += 1
        if not is_true:
            self.failed += 1
            print(f"failed: {claim}{': ' if detail else ''}{detail}", flush=True)

    def equal(self, claim, got, expected):
        """One check: both are equal."""
        self.that(claim, got == expected, f"got {got!r:.200}, expected {expected!r:.200}")

    @contextlib.contextmanager
    def group(self, name):
        """Checks that stop at their first exception, which counts as one that failed."""
        try:
            yield
        except (Ended, ValueError, KeyError, IndexError, OSError) as error:
            self.that(f"{name}: the checks run to their end", False, f"{error!r}")


class Lab:
    """Three nodes without a token, one node of another cluster with a token."""

    def __init__(self, arguments):
        self.addresses = [tuple(address) for address in arguments["addresses"]]
        self.cluster = arguments["cluster"]
        self.peer_address = tuple(arguments["peerAddress"])
        self.guarded = tuple(arguments["guarded"])
        self.guarded_cluster = arguments["guardedCluster"]
        self.token = arguments["token"].encode()
        self.guarded_window = arguments["guardedWindow"]
        self.is_short = arguments.get("isShort", False)

    def open(self, node=0, **changes):
        """A connection after its handshake."""
        connection = Connection(self.addresses[node])
        connection.open(**changes)
        return connection


def fault(lab, act):
    """The code of the Goodbye after a fault: `act` gets an open connection."""
    with lab.open() as connection:
        act(connection)
        return ending(connection)


def ending(connection):
    """The code with which the other side ends the connection."""
    return told(connection.goodbye())


def told(goodbye):
    """The code of a Goodbye."""
    return "no Goodbye" if goodbye is None else code_name(goodbye.get("code", 0))


def failing(connection, message, fields):
    """The code of a call that fails, `answered` if it does not."""
    name, answer = connection.call(message, fields)
    return code_name(answer["code"]) if name == "Failure" else "answered"


def failing_body(connection, kind, body):
    """The same for a request whose body is given."""
    call = connection.next_call()
    connection.write(frame_bytes(kind, call, body))
    name, answer = connection.answer(call)
    return code_name(answer["code"]) if name == "Failure" else "answered"


def decode(message, body):
    """The fields of a message."""
    return SCHEMAS.decode(message, body)

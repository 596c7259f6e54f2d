"""Checks of the handshake: its checks in their order, settings, the token and its proofs."""

import re

from client import ACCEPTOR, CONNECTOR, KINDS, Connection, Ended, encode, proof_of
from frames import MORE, frame_bytes
from messages import BYTES, VARINT, field_bytes
from report import PAGE, decode, ending, told

NONCE = bytes(range(16))
HELLO = {"format_min": 1, "format_max": 1, "role": 1, "nonce": NONCE}
ROLE_PEER = 2


def check(report, lab):
    """All checks of this file."""
    with report.group("Hello"):
        check_refused(report, lab)
    with report.group("Hello that is taken"):
        check_taken(report, lab)
    with report.group("Welcome and Identity"):
        check_welcome(report, lab)
    with report.group("the page's proofs"):
        check_examples(report)
    with report.group("the token"):
        check_token(report, lab)
    with report.group("the wrong token"):
        check_wrong_token(report, lab)


def hello(**changes):
    """The frame of a Hello with these fields changed."""
    return frame_bytes(KINDS["Hello"], 0, encode("Hello", {**HELLO, **changes}))


def padded(size):
    """The frame of a Hello that an unknown field makes this long."""
    body = encode("Hello", HELLO)
    unknown = field_bytes(99, BYTES, bytes(size - len(body) - 4))
    return frame_bytes(KINDS["Hello"], 0, body + unknown)


def check_refused(report, lab):
    """The checks of the page's table, and that the earlier of two is the one that is told."""
    body = encode("Hello", HELLO)
    garbled = body[:-3]
    rows = [
        ("a body of 4,097 bytes", padded(4097), "frame-too-long"),
        ("another kind of 4,097 bytes", frame_bytes(32, 0, bytes(4097)), "frame-too-long"),
        ("a Get first", frame_bytes(32, 1, b""), "handshake-expected"),
        ("a Ping first", frame_bytes(9, 0, b""), "handshake-expected"),
        ("a Proof first", frame_bytes(3, 0, b""), "handshake-expected"),
        ("MORE", frame_bytes(1, 0, body, MORE), "frame-reserved"),
        ("call 1", frame_bytes(1, 1, body), "frame-reserved"),
        ("call 1 and a garbled body", frame_bytes(1, 1, garbled), "frame-reserved"),
        ("a garbled body", frame_bytes(1, 0, garbled), "message-garbled"),
        ("formats from 2", hello(format_min=2, format_max=9), "format-unsupported"),
        ("format 0", hello(format_min=0, format_max=0), "format-unsupported"),
        ("format 2, role 7", hello(format_min=2, format_max=2, role=7), "format-unsupported"),
        ("role 0", hello(role=0), "message-garbled"),
        ("role 4", hello(role=4), "message-garbled"),
        ("a joiner's role", hello(role=3), "handshake-expected"),
        ("a peer's role", hello(role=ROLE_PEER), "handshake-expected"),
        ("a peer's role, no nonce", hello(role=ROLE_PEER, nonce=b""), "handshake-expected"),
        ("no nonce", hello(nonce=b""), "message-garbled"),
        ("a nonce of 15 bytes", hello(nonce=bytes(15)), "message-garbled"),
        ("a nonce of 17 bytes", hello(nonce=bytes(17)), "message-garbled"),
        ("a version of 65 characters", hello(version="v" * 65), "message-garbled"),
        ("a version with a tab", hello(version="1\t0"), "message-garbled"),
        ("a version beyond ASCII", hello(version="1.é"), "message-garbled"),
        ("65 features", hello(settings={"features": range(65)}), "message-garbled"),
        ("a window of 65,535 bytes", hello(settings={"window_bytes": 65535}), "message-garbled"),
        (
            "messages of 65,535 bytes",
            hello(settings={"message_bytes_max": 65535}),
            "message-garbled",
        ),
        ("another cluster", hello(cluster="another"), "wrong-cluster"),
        ("another cluster, no nonce", hello(cluster="another", nonce=b""), "message-garbled"),
    ]
    for claim, given, code in rows:
        with Connection(lab.addresses[0]) as connection:
            connection.write(given)
            report.equal(f"Hello: {claim}", ending_of_hello(connection), code)
    with Connection(lab.peer_address) as connection:
        connection.write(hello())
        report.equal("a client at the peers' port", ending(connection), "handshake-expected")


def ending_of_hello(connection):
    """The code with which the handshake ends; it may end after Welcome."""
    try:
        connection.welcome()
    except Ended as ended:
        return told(ended.goodbye)
    return ending(connection)


def check_taken(report, lab):
    """What is at a bound, unknown or greater than the table is taken."""
    body = encode("Hello", HELLO)
    rows = [
        ("formats from 1 to 9", hello(format_max=9)),
        ("formats from 0", hello(format_min=0)),
        ("a body of 4,096 bytes", padded(4096)),
        ("a version of 64 characters", hello(version="~" * 32 + " " * 32)),
        ("its own cluster", hello(cluster=lab.cluster)),
        ("64 features", hello(settings={"features": range(64)})),
        ("the least window", hello(settings={"window_bytes": 65536})),
        ("the least message", hello(settings={"message_bytes_max": 65536})),
        ("settings above the table", hello(settings={"window_bytes": 1 << 31})),
        ("settings of 0", hello(settings={"window_bytes": 0, "message_bytes_max": 0})),
        ("an unknown field", frame_bytes(1, 0, body + field_bytes(77, VARINT, 5))),
    ]
    for claim, given in rows:
        with Connection(lab.addresses[1]) as connection:
            connection.write(given)
            connection.welcome()
            connection.expect("Identity")
            connection.expect("Ready")
            name, _ = connection.call("StatusQuery")
            report.equal(f"Hello with {claim} is taken", name, "Status")
    with Connection(lab.addresses[1]) as connection:
        for byte in hello():
            connection.write(bytes([byte]))
        report.equal("Hello byte by byte is taken", connection.welcome()["format"], 1)


def check_welcome(report, lab):
    """What a node tells a client that needs no proof."""
    nodes = set()
    for address in lab.addresses:
        with Connection(address) as connection:
            welcome, identity = connection.open(version="conformance")
            nodes.add(identity["node"])
            settings = welcome["settings"]
            report.equal("no proof is asked for", welcome.get("nonce", b""), b"")
            report.equal("Identity names the cluster", identity["cluster"], lab.cluster)
            report.equal("a node id has 8 bytes", len(identity["node"]), 8)
            report.that("Identity has a version", 0 < len(identity["version"]) <= 64)
            report.that("calls_max is in its bounds", 0 <= settings.get("calls_max", 0) <= 1024)
            window = settings.get("window_bytes", 1 << 24)
            report.that("window_bytes is in its bounds", 65536 <= window <= 1 << 24)
            message = settings.get("message_bytes_max", 1 << 26)
            report.that("message_bytes_max is in its bounds", 65536 <= message <= 1 << 26)
            report.that("deadline_ms is in its bounds", settings.get("deadline_ms", 0) <= 60000)
            private = [name for name in ("directory", "placement") if identity.get(name)]
            report.equal("Identity tells a client no directory", private, [])
    report.equal("each node has its own id", len(nodes), 3)


def check_examples(report):
    """The proofs of the page's client, computed from the token and the two bodies."""
    text = PAGE.read_text().split("The handshake of a client")[1].split("```")[1]
    rows = re.findall(r"^([a-zA-Z' ]+?)  +((?:[0-9a-f]{2}\s+)+)", text, re.M)
    page = {name: bytes.fromhex(digits) for name, digits in rows}
    token, first, second = page["token"], page["body of Hello"], page["body of Welcome"]
    for side, name in ((ACCEPTOR, "acceptor's proof"), (CONNECTOR, "connector's proof")):
        report.equal(f"the page's {name}", proof_of(token, side, first, second), page[name])
    fields = decode("Hello", first)
    report.equal("the page's Hello names a cluster", fields["cluster"], "shop")
    report.equal("the page's Hello, encoded again", encode("Hello", drop_empty(fields)), first)


def drop_empty(fields):
    """The fields without empty lists, also inside."""
    kept = {}
    for name, value in fields.items():
        if isinstance(value, dict):
            kept[name] = drop_empty(value)
        elif value != []:
            kept[name] = value
    return kept


def check_token(report, lab):
    """A client with the right token."""
    with Connection(lab.guarded) as connection:
        connection.hello()
        welcome = connection.welcome()
        report.equal("a node with a token sends a nonce", len(welcome["nonce"]), 16)
        window = welcome["settings"]["window_bytes"]
        report.equal("Welcome tells the window of its node", window, lab.guarded_window)
        named = lab.guarded_cluster.encode() in connection.welcome_body
        report.that("Welcome names no cluster", not named)
        report.that("the node's proof is right", connection.prove(lab.token))
        identity = connection.expect("Identity")
        report.equal("Identity follows the proofs", identity["cluster"], lab.guarded_cluster)
        connection.expect("Ready")
        report.equal("requests follow", connection.call("StatusQuery")[0], "Status")
    nonces = set()
    for _ in range(3):
        with Connection(lab.guarded) as connection:
            nonces.add(connection.open(lab.token, cluster=lab.guarded_cluster)[0]["nonce"])
    report.equal("nonces are fresh", len(nonces), 3)


def check_wrong_token(report, lab):
    """Proofs that are wrong, and frames in the place of the proof."""

    def guarded(act, **changes):
        with Connection(lab.guarded) as connection:
            connection.hello(**changes)
            connection.welcome()
            act(connection)
            goodbye = connection.goodbye()
            names = lab.guarded_cluster in str(goodbye)
            report.that("a Goodbye before the proofs names no cluster", not names, str(goodbye))
            return told(goodbye)

    def prove(token, side=CONNECTOR):
        def act(connection):
            proof = proof_of(token, side, connection.hello_body, connection.welcome_body)
            connection.send("Proof", 0, {"proof": proof})

        return act

    def send(message, **fields):
        return lambda connection: connection.send(message, 0, fields)

    old = proof_of(lab.token, CONNECTOR, b"", b"")
    rows = [
        ("a wrong token", prove(b"wrong"), {}, "token-wrong"),
        ("the proof of the other side", prove(lab.token, ACCEPTOR), {}, "token-wrong"),
        ("the proof of another connection", send("Proof", proof=old), {}, "token-wrong"),
        ("no proof", send("Proof"), {}, "token-wrong"),
        ("a proof of 31 bytes", send("Proof", proof=old[:31]), {}, "token-wrong"),
        ("a request for a proof", send("StatusQuery"), {}, "handshake-expected"),
        ("a wrong token and cluster", prove(b"wrong"), {"cluster": "another"}, "token-wrong"),
    ]
    for claim, act, changes, code in rows:
        report.equal(f"Proof: {claim}", guarded(act, **changes), code)
    with Connection(lab.guarded) as connection:
        connection.hello(cluster="another")
        connection.welcome()
        connection.prove(lab.token)
        report.equal("another cluster, told after the proof", ending(connection), "wrong-cluster")

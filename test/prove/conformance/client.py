"""A client of Everwrite, written from protocol/README.md and its .proto files alone.

One connection, blocking, with each step of the protocol on its own, so that checks can also do the
wrong thing at each place.
"""

import hashlib
import hmac
import os
import pathlib
import socket
import struct
import time

from frames import BODY_BYTES_MAX, HEADER_BYTES, MORE, Frame, crc32c, frame_bytes, read_header
from messages import Schemas

KINDS = {
    "Hello": 1,
    "Welcome": 2,
    "Proof": 3,
    "Ready": 4,
    "Goodbye": 5,
    "Credit": 6,
    "Length": 7,
    "Cancel": 8,
    "Ping": 9,
    "Pong": 10,
    "Identity": 11,
    "TopologyQuery": 16,
    "StatusQuery": 17,
    "Scan": 18,
    "Get": 32,
    "Put": 33,
    "Invite": 51,
    "ClusterPlan": 52,
    "ClusterChange": 53,
    "ClusterStatus": 54,
    "ClusterPause": 55,
    "BucketCreate": 57,
    "BucketRename": 58,
    "ClusterKey": 62,
    "Topology": 80,
    "Status": 81,
    "ScanReply": 82,
    "GetReply": 96,
    "PutReply": 97,
    "InviteReply": 115,
    "ClusterPlanReply": 116,
    "ClusterChangeReply": 117,
    "ClusterStatusReply": 118,
    "ClusterPauseReply": 119,
    "BucketCreateReply": 121,
    "BucketRenameReply": 122,
    "ClusterKeyReply": 126,
    "Failure": 127,
}
NAMES = {kind: name for name, kind in KINDS.items()}
IN_ADVANCE = 1 << 20
SECONDS_MAX = 20
SCHEMAS = Schemas(pathlib.Path(__file__).resolve().parents[3] / "protocol")
CLIENT = 1
ACCEPTOR, CONNECTOR = b"\x01", b"\x02"


class Ended(Exception):
    """The other side ended the connection; `goodbye` holds its fields, or None without one."""

    def __init__(self, goodbye):
        super().__init__(f"the connection ended: {goodbye}")
        self.goodbye = goodbye


def encode(message, fields):
    """The body of a message."""
    return SCHEMAS.encode(message, fields)


def proof_of(token, side, hello, welcome):
    """The proof that one side knows the token."""
    key = hmac.new(b"everwrite client proof key", token, hashlib.sha256).digest()
    said = side + struct.pack("<I", len(hello)) + hello + welcome
    return hmac.new(key, said, hashlib.sha256).digest()


def request_id():
    """16 bytes: the time in milliseconds as 48 bits, then 10 random bytes."""
    return int(time.time() * 1000).to_bytes(6, "big") + os.urandom(10)


class Connection:
    """One connection to the clients' port of a node."""

    def __init__(self, address):
        self.socket = socket.create_connection(address, SECONDS_MAX)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = bytearray()
        self.calls = 0
        self.answers = {}
        self.credit = {}
        self.halves = {}
        self.pongs = []
        self.grants_credit = True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    # Frames

    def write(self, data):
        """Sends bytes as they are."""
        self.socket.sendall(data)

    def send(self, message, call=0, fields=None, **header):
        """Sends a message in one frame."""
        self.write(frame_bytes(KINDS[message], call, encode(message, fields or {}), **header))

    def read_frame(self):
        """The next frame. Raises Ended at a Goodbye and at the end of the connection."""
        try:
            kind, flags, call, length = read_header(self._take(HEADER_BYTES))
            body = self._take(length)
            checksum = struct.unpack("<I", self._take(4))[0]
        except ConnectionError:
            raise Ended(None) from None
        if checksum != (crc32c(body) if body else 0):
            raise ValueError("the checksum of a body is wrong")
        if kind == KINDS["Goodbye"]:
            raise Ended(SCHEMAS.decode("Goodbye", body))
        return Frame(kind, flags, call, body)

    def _take(self, count):
        while len(self.received) < count:
            data = self.socket.recv(1 << 18)
            if not data:
                raise Ended(None)
            self.received += data
        taken = bytes(self.received[:count])
        del self.received[:count]
        return taken

    def is_closed(self, seconds):
        """Whether the other side closes the connection within this time."""
        self.socket.settimeout(seconds)
        try:
            while self.socket.recv(1 << 16):
                pass
        except TimeoutError:
            return False
        except ConnectionError:
            pass
        return True

    # Handshake

    def hello(self, **changes):
        """Sends Hello; `changes` replace its fields, and None leaves one out."""
        fields = {"format_min": 1, "format_max": 1, "role": CLIENT, "nonce": os.urandom(16)}
        fields.update(changes)
        kept = {name: value for name, value in fields.items() if value is not None}
        self.hello_body = encode("Hello", kept)
        self.write(frame_bytes(KINDS["Hello"], 0, self.hello_body))

    def expect(self, message):
        """The fields of the next frame, which must hold this message."""
        frame = self.read_frame()
        if frame.kind != KINDS[message]:
            raise ValueError(f"{NAMES.get(frame.kind, frame.kind)} came, and not {message}")
        self.last_body = frame.body
        return SCHEMAS.decode(message, frame.body)

    def welcome(self):
        """The fields of Welcome."""
        fields = self.expect("Welcome")
        self.welcome_body = self.last_body
        return fields

    def prove(self, token):
        """Sends the proof of a client, and verifies the node's."""
        proof = proof_of(token, CONNECTOR, self.hello_body, self.welcome_body)
        self.send("Proof", 0, {"proof": proof})
        expected = proof_of(token, ACCEPTOR, self.hello_body, self.welcome_body)
        return hmac.compare_digest(self.expect("Proof")["proof"], expected)

    def open(self, token=None, **changes):
        """The whole handshake of a client: its Welcome and Identity."""
        self.hello(**changes)
        welcome = self.welcome()
        if bool(welcome.get("nonce")) != (token is not None):
            raise ValueError("the node asks for a proof, or asks for none, unlike the client")
        if token is not None and not self.prove(token):
            raise ValueError("the node does not know the token")
        identity = self.expect("Identity")
        self.expect("Ready")
        return welcome, identity

    # Calls

    def next_call(self):
        """A call id above those before it."""
        self.calls += 1
        return self.calls

    def ask(self, message, fields=None):
        """Sends a request, in chunks if it is long. Returns its call id."""
        body = encode(message, fields or {})
        call = self.next_call()
        if len(body) <= BODY_BYTES_MAX:
            self.write(frame_bytes(KINDS[message], call, body))
        else:
            self.send_long([(KINDS[message], call, body)])
        return call

    def send_long(self, messages):
        """Announces (kind, call, body) and sends them in chunks, in turns, as credit comes."""
        for kind, call, body in messages:
            self.credit[call] = 0
            self.send("Length", call, {"kind": kind, "bytes": len(body)})
        at = {call: 0 for _, call, _ in messages}
        while any(at[call] < len(body) for _, call, body in messages):
            has_sent = False
            for kind, call, body in messages:
                size = min(BODY_BYTES_MAX, len(body) - at[call], self.credit[call])
                if size == 0:
                    continue
                chunk = body[at[call] : at[call] + size]
                at[call] += size
                self.credit[call] -= size
                self.write(frame_bytes(kind, call, chunk, MORE if at[call] < len(body) else 0))
                has_sent = True
            if not has_sent:
                self.step()
                if any(call in self.answers for _, call, _ in messages):
                    return

    def step(self):
        """Takes one frame: an answer or a part of one, credit, a sign of life."""
        frame = self.read_frame()
        name = NAMES.get(frame.kind)
        if name == "Credit":
            fields = SCHEMAS.decode(name, frame.body)
            if not fields.get("is_answer"):
                self.credit[frame.call] = self.credit.get(frame.call, 0) + fields["bytes"]
        elif name == "Ping":
            self.send("Pong", 0, {"wall_ms": time.time() * 1000})
        elif name == "Pong":
            self.pongs.append((frame.call, SCHEMAS.decode(name, frame.body)))
        elif name == "Length":
            self._announced(frame.call, SCHEMAS.decode(name, frame.body))
        elif frame.kind >= 64:
            self._take_part(frame)
        else:
            raise ValueError(f"a node sent kind {frame.kind}")

    def _announced(self, call, length):
        half = {"kind": length["kind"], "bytes": length["bytes"], "granted": 0, "body": bytearray()}
        self.halves[call] = half
        if self.grants_credit:
            self.grant(call)

    def grant(self, call):
        """Allows more of an answer: at most 1 MiB ahead of what has come."""
        half = self.halves[call]
        more = min(half["bytes"], len(half["body"]) + IN_ADVANCE) - half["granted"]
        if more > 0:
            half["granted"] += more
            self.send("Credit", call, {"bytes": more, "is_answer": True})

    def _take_part(self, frame):
        half = self.halves.get(frame.call)
        if half is None or frame.kind != half["kind"]:
            if frame.flags & MORE:
                raise ValueError("a chunk was not announced")
            self.halves.pop(frame.call, None)
            self.answers[frame.call] = (frame.kind, frame.body)
            return
        half["body"] += frame.body
        if len(half["body"]) > half["granted"]:
            raise ValueError("a chunk exceeds its credit")
        if frame.flags & MORE:
            self.grant(frame.call)
            return
        if len(half["body"]) != half["bytes"]:
            raise ValueError("the bytes of a message are not those announced")
        del self.halves[frame.call]
        self.answers[frame.call] = (frame.kind, bytes(half["body"]))

    def answer(self, call):
        """Waits for the answer of a call: (name of the message, its fields)."""
        while call not in self.answers:
            self.step()
        kind, body = self.answers.pop(call)
        name = NAMES[kind]
        return name, SCHEMAS.decode(name, body)

    def call(self, message, fields=None):
        """Sends a request and waits for its answer."""
        return self.answer(self.ask(message, fields))

    def goodbye(self):
        """Reads on until the connection ends: the fields of its Goodbye, or None."""
        try:
            while True:
                self.step()
        except Ended as ended:
            return ended.goodbye

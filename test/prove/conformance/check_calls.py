"""Checks of calls: ids, kinds, fields, bounds of requests, Cancel, Ping, Goodbye, half close."""

import socket
import struct
import time

from client import KINDS, Connection, encode, request_id
from frames import frame_bytes
from messages import BYTES, FIXED32, FIXED64, VARINT, field_bytes, split_fields
from report import decode, ending, failing, failing_body, fault

BUCKET = b"calls"
GET = {"bucket": BUCKET, "key": b"absent"}
GET_BODY = encode("Get", GET)


def check(report, lab):
    """All checks of this file."""
    with report.group("call ids"):
        check_ids(report, lab)
    with report.group("kinds"):
        check_kinds(report, lab)
    with report.group("fields"):
        check_fields(report, lab)
    with report.group("bounds of requests"):
        check_bounds(report, lab)
    with report.group("operators"):
        check_operators(report, lab)
    with report.group("Ping"):
        check_ping(report, lab)
    with report.group("the end of a connection"):
        check_end(report, lab)
    if not lab.is_short:
        with report.group("late handshakes and frames"):
            check_late(report, lab)


def check_ids(report, lab):
    """Call ids ascend, with gaps; each other id ends the connection."""

    def twice(first, second):
        def act(connection):
            connection.write(frame_bytes(32, first, GET_BODY))
            connection.answer(first)
            connection.write(frame_bytes(32, second, GET_BODY))

        return act

    rows = [
        ("id 0", lambda connection: connection.write(frame_bytes(32, 0, GET_BODY))),
        ("an id again", twice(5, 5)),
        ("a lower id", twice(5, 4)),
        ("an id of an unknown kind again", twice_unknown),
    ]
    for claim, act in rows:
        report.equal(f"call ids: {claim}", fault(lab, act), "call-id-wrong")
    with lab.open() as connection:
        names = []
        for call in (7, 8, 1000, 0xFFFFFFF0):
            connection.write(frame_bytes(32, call, GET_BODY))
            names.append(connection.answer(call)[0])
        report.equal("ids may begin anywhere and have gaps", names, ["GetReply"] * 4)


def twice_unknown(connection):
    """A request of an unknown kind takes its id as any other."""
    connection.write(frame_bytes(60, 3, b""))
    connection.answer(3)
    connection.write(frame_bytes(32, 3, GET_BODY))


def check_kinds(report, lab):
    """Kinds that are unknown, of peers, or not of this side of a connection."""
    with lab.open() as connection:
        for kind in (19, 23, 25, 31, 43, 50, 63):
            code = failing_body(connection, kind, b"")
            report.equal(f"unknown kind {kind} fails its call", code, "kind-unknown")
        for kind in (24, 40, 41, 42):
            code = failing_body(connection, kind, b"")
            report.equal(f"kind {kind} is for peers", code, "kind-unknown")
        for kind in (64, 80, 96, 100, 127):
            connection.write(frame_bytes(kind, 7777, b""))
        name, _ = connection.call("Get", GET)
        report.equal("answers without a call are ignored", name, "GetReply")
    for kind in (1, 2, 3, 4, 11):
        code = fault(lab, lambda connection: connection.write(frame_bytes(kind, 0, b"")))
        report.equal(f"kind {kind} after Ready ends the connection", code, "kind-unknown")
    for kind in (0, 12, 15, 128, 200, 255):
        code = fault(lab, lambda connection: connection.write(frame_bytes(kind, 0, b"")))
        report.equal(f"unknown kind {kind} ends the connection", code, "kind-unknown")


def check_fields(report, lab):
    """What proto3 allows of a message, and what it does not."""
    bucket, key = field_bytes(1, BYTES, BUCKET), field_bytes(2, BYTES, b"absent")
    taken = [
        ("an unknown varint", bucket + key + field_bytes(100, VARINT, 1 << 60)),
        ("an unknown fixed64", bucket + key + field_bytes(100, FIXED64, bytes(8))),
        ("unknown bytes", bucket + key + field_bytes(100, BYTES, b"abc")),
        ("an unknown fixed32", bucket + key + field_bytes(100, FIXED32, 1)),
        ("the greatest field number", bucket + key + field_bytes((1 << 29) - 1, VARINT, 1)),
        ("unknown fields first", field_bytes(100, VARINT, 1) + bucket + key),
        ("the key before the bucket", key + bucket),
        ("a bucket twice", field_bytes(1, BYTES, b"other") + bucket + key),
        ("1,024 fields", bucket + key + field_bytes(100, VARINT, 1) * 1022),
        ("a varint longer than it must be", bucket + key + b"\x18\x81\x00"),
        ("a field that says its default", bucket + key + b"\x18\x00\x28\x00"),
        ("a bool of 2", bucket + key + b"\x28\x02"),
        ("a number of 33 bits, of which 32 count", bucket + key + b"\x18\x81\x80\x80\x80\x10"),
        ("an unknown group", bucket + key + b"\xa3\x06\xa4\x06"),
    ]
    garbled = [
        ("a field cut short", bucket + key[:-2]),
        ("a tag without a value", bucket + key + b"\x18"),
        ("a varint without end", bucket + key + b"\x18" + b"\x80" * 11),
        ("field number 0", bucket + key + b"\x00\x00"),
        ("a group without end", bucket + key + b"\xa3\x06"),
        ("wire type 6", bucket + key + b"\x1e\x00"),
        ("wire type 7", bucket + key + b"\x1f\x00"),
        ("1,025 fields", bucket + key + field_bytes(100, VARINT, 1) * 1023),
        ("a bucket as varint", field_bytes(1, VARINT, 5) + key),
        ("a key as fixed32", bucket + field_bytes(2, FIXED32, 5)),
        ("r as bytes", bucket + key + field_bytes(3, BYTES, b"\x01")),
        ("r as fixed64", bucket + key + field_bytes(3, FIXED64, bytes(8))),
        ("deadline_ms as fixed32", bucket + key + field_bytes(4, FIXED32, 9)),
    ]
    with lab.open() as connection:
        for claim, body in taken:
            code = failing_body(connection, KINDS["Get"], body)
            report.equal(f"a Get with {claim} is taken", code, "answered")
        for claim, body in garbled:
            code = failing_body(connection, KINDS["Get"], body)
            report.equal(f"a Get with {claim}", code, "message-garbled")
        body = encode("Scan", {"bucket": BUCKET}) + field_bytes(4, BYTES, b"\x01")
        code = failing_body(connection, KINDS["Scan"], body)
        report.equal("a Scan with with_values as bytes", code, "message-garbled")
        code = failing_body(connection, KINDS["StatusQuery"], b"\xff")
        report.equal("a StatusQuery of one byte", code, "message-garbled")
        report.equal("a failed call fails alone", failing(connection, "Get", GET), "answered")


def check_bounds(report, lab):
    """The bounds of each field, and the code beyond them."""
    put = {"bucket": BUCKET, "key": b"bounds", "value": b"v"}
    rows = [
        ("Get", {**GET, "bucket": b""}, "bucket-wrong"),
        ("Get", {**GET, "bucket": b"b" * 256}, "bucket-wrong"),
        ("Get", {**GET, "bucket": b"b" * 255}, "answered"),
        ("Get", {**GET, "key": b""}, "key-wrong"),
        ("Get", {**GET, "key": b"k" * 4097}, "key-wrong"),
        ("Get", {**GET, "key": b"k" * 4096}, "answered"),
        ("Get", {**GET, "key": bytes(range(256))}, "answered"),
        ("Get", {**GET, "r": 4}, "quorum-wrong"),
        ("Get", {**GET, "r": 3}, "answered"),
        ("Get", {**GET, "deadline_ms": 60001}, "deadline-wrong"),
        ("Get", {**GET, "deadline_ms": 60000}, "answered"),
        ("Scan", {"bucket": b""}, "bucket-wrong"),
        ("Scan", {"bucket": BUCKET, "r": 4}, "quorum-wrong"),
        ("Scan", {"bucket": BUCKET, "cursor": bytes(65)}, "cursor-wrong"),
        ("Scan", {"bucket": BUCKET, "deadline_ms": 60001}, "deadline-wrong"),
        ("Put", {**put, "w": 4}, "quorum-wrong"),
        ("Put", {**put, "w": 3}, "answered"),
        ("Put", {**put, "request_id": b""}, "request-id-wrong"),
        ("Put", {**put, "request_id": bytes(15)}, "request-id-wrong"),
        ("Put", {**put, "request_id": bytes(17)}, "request-id-wrong"),
        ("Put", {**put, "contexts": [b"x"] * 8}, "contexts-too-many"),
        ("Put", {**put, "deadline_ms": 60001}, "deadline-wrong"),
        ("Put", {**put, "tombstone": True}, "message-garbled"),
        ("Put", {**put, "replace": 2}, "message-garbled"),
        ("Put", {**put, "key": b"empty", "value": b""}, "answered"),
    ]
    with lab.open() as connection:
        for message, fields, code in rows:
            if message == "Put":
                fields = {"request_id": request_id(), **fields}
            claim = f"{message} with {str(fields)[:90]}"
            report.equal(claim, failing(connection, message, fields), code)
        name, failure = connection.call("Get", {**GET, "deadline_ms": 60001})
        report.that("a refused call is not in doubt", not failure.get("in_doubt"), name)
        report.that("the sentence is in its bounds", 0 < len(failure["message"]) <= 1024)


def check_operators(report, lab):
    """Requests of operators: what they tell, and the bounds of their fields."""
    wide = {"hi": 1, "lo": 2}
    rows = [
        ("ClusterPlan", {"act": 1}, "answered"),
        ("ClusterPlan", {"act": 0}, "message-garbled"),
        ("ClusterPlan", {"act": 4}, "message-garbled"),
        ("ClusterPlan", {"act": 1, "without": [""]}, "message-garbled"),
        ("ClusterPlan", {"act": 1, "without": ["node-9"]}, "member-unknown"),
        ("ClusterPlan", {"act": 1, "without": ["node-2"] * 513}, "message-garbled"),
        ("ClusterPlan", {"act": 1, "deadline_ms": 60001}, "deadline-wrong"),
        ("ClusterPlan", {"act": 2, "parent": wide, "planned": wide}, "ring-moved-on"),
        ("ClusterPlan", {"act": 3, "planned": wide}, "ring-moved-on"),
        ("ClusterChange", {"what": 0, "member": "node-1"}, "message-garbled"),
        ("ClusterChange", {"what": 6, "member": "node-1"}, "message-garbled"),
        ("ClusterChange", {"what": 5, "member": ""}, "message-garbled"),
        ("ClusterChange", {"what": 5, "member": "node-9"}, "member-unknown"),
        ("ClusterChange", {"what": 4, "member": "node-1", "weight": 100.5}, "message-garbled"),
        ("ClusterChange", {"what": 4, "member": "node-1", "weight": 1.0}, "answered"),
        ("ClusterChange", {"what": 1, "member": "node-1"}, "would-not-survive"),
        ("ClusterChange", {"what": 3, "member": "node-2"}, "would-not-survive"),
        ("ClusterStatus", {}, "answered"),
        ("ClusterStatus", {"deadline_ms": 60001}, "deadline-wrong"),
        ("ClusterPause", {"pauses": False}, "answered"),
        ("ClusterPause", {"deadline_ms": 60001}, "deadline-wrong"),
        ("ClusterKey", {"act": 1}, "answered"),
        ("ClusterKey", {"act": 0}, "message-garbled"),
        ("ClusterKey", {"act": 2, "key": 9}, "answered"),
        ("ClusterKey", {"act": 3, "key": 9}, "key-unknown"),
        ("ClusterKey", {"act": 3, "key": 1}, "key-in-use"),
        ("ClusterKey", {"act": 1, "deadline_ms": 60001}, "deadline-wrong"),
    ]
    with lab.open() as connection:
        for message, fields, code in rows:
            claim = f"{message} with {str(fields)[:90]}"
            report.equal(claim, failing(connection, message, fields), code)
        status = connection.call("ClusterStatus")[1]
        names = sorted(member["name"] for member in status["members"])
        report.equal("ClusterStatus lists the members", names, ["node-1", "node-2", "node-3"])
        report.equal("the first table has number 1", status["in_effect"]["number"], 1)
        keys = connection.call("ClusterKey", {"act": 1})[1]
        shown = [(key["id"], key["number"]) for key in keys["keys"]]
        report.equal("ClusterKey lists the first key", shown, [(1, 1)])
        report.equal("the first key signs", keys["signer"], 1)
        report.equal("and two other members", len(keys["members"]), 2)


def check_ping(report, lab):
    """Ping is answered at once, also while calls wait."""
    with lab.open() as connection:
        for _ in range(5):
            connection.send("Ping")
        while len(connection.pongs) < 5:
            connection.step()
        wall = connection.pongs[0][1]["wall_ms"]
        report.equal("each Ping has its Pong", len(connection.pongs), 5)
        report.that("Pong tells the wall clock", abs(wall - time.time() * 1000) < 60_000, wall)
        connection.send("Cancel", 99)
        connection.send("Credit", 99, {"bytes": 1, "is_answer": True})
        connection.send("Pong", 0, {"wall_ms": 1.0})
        name, _ = connection.call("Get", GET)
        report.equal("Cancel and Credit without a call are ignored", name, "GetReply")


def check_end(report, lab):
    """Goodbye with code 0, half close, a close without words, the ring in each answer."""
    with lab.open() as connection:
        connection.call("Get", GET)
        connection.send("Goodbye", 0, {"code": 0, "message": "done"})
        report.that("Goodbye closes the connection", connection.is_closed(7))
    with lab.open() as connection:
        calls = [connection.next_call() for _ in range(20)]
        connection.write(b"".join(frame_bytes(32, call, GET_BODY) for call in calls))
        connection.socket.shutdown(socket.SHUT_WR)
        report.equal("half close ends the connection", connection.goodbye(), None)
    with lab.open() as connection:
        ring = connection.call("TopologyQuery")[1]["ring"]["hi"]
        for message, fields in (("Get", GET), ("Get", {**GET, "bucket": b""})):
            call = connection.ask(message, fields)
            while call not in connection.answers:
                connection.step()
            kind, body = connection.answers.pop(call)
            name = "Failure" if kind == KINDS["Failure"] else "GetReply"
            fields = [value for number, _, value in split_fields(body) if number == 15]
            told = [struct.unpack("<I", value)[0] for value in fields]
            report.equal(f"{name} carries the ring", told, [ring])


def check_late(report, lab):
    """A handshake has 5 seconds, a half frame 10 KiB in 10 seconds."""
    began = time.monotonic()
    silent, half, slow = (Connection(lab.addresses[2]) for _ in range(3))
    with silent, half, slow:
        half.write(b"EW\x01\x01\x00")
        slow.open()
        slow.write(frame_bytes(32, 1, GET_BODY)[:30])
        report.equal("a silent client is late", ending(silent), "handshake-late")
        report.equal("half a Hello is late", ending(half), "handshake-late")
        report.that("after 5 seconds", 4.5 < time.monotonic() - began < 9)
        slow.socket.settimeout(40)
        report.equal("a half frame is late", ending(slow), "frame-late")
        report.that("after 10 to 20 seconds", 9 < time.monotonic() - began < 25)

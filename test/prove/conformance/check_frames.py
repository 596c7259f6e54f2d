"""Checks of frames: each rule of the header, frames in pieces, many in one write."""

from client import KINDS, encode
from frames import HEADER_BYTES, crc32c, frame_bytes, header_bytes
from messages import BYTES, field_bytes
from report import code_name, failing_body, fault

GET = KINDS["Get"]
BODY = encode("Get", {"bucket": b"frames", "key": b"absent"})
FRAME = frame_bytes(GET, 1, BODY)


def flipped(at):
    """The frame of a Get with one byte changed and no checksum mended."""
    return FRAME[:at] + bytes([FRAME[at] ^ 0x40]) + FRAME[at + 1 :]


def check(report, lab):
    """All checks of this file."""
    with report.group("frames that break a rule"):
        check_rules(report, lab)
    with report.group("frames in pieces"):
        check_pieces(report, lab)
    with report.group("after a fault"):
        check_ending(report, lab)


def check_rules(report, lab):
    """Each rule of the header and the two checksums, each on its own connection."""
    rows = [
        ("byte 0 of the magic", flipped(0), "frame-magic"),
        ("byte 1 of the magic", flipped(1), "frame-magic"),
        ("a wrong magic with its checksum", frame_bytes(GET, 1, BODY, magic=b"WE"), "frame-magic"),
        ("a request of HTTP", b"GET / HTTP/1.1\r\nHost: node\r\n\r\n", "frame-magic"),
        ("a format with a wrong checksum", flipped(2), "frame-format"),
        ("a body of 65,537 bytes", header_bytes(GET, 1, 65537), "frame-too-long"),
        ("a body of 4 GiB", header_bytes(GET, 1, 0xFFFFFFFF), "frame-too-long"),
        ("an empty body with a checksum", header_bytes(16, 1, 0) + b"\1\0\0\0", "frame-checksum"),
    ]
    for format_ in (0, 2, 255):
        given = frame_bytes(GET, 1, BODY, format_=format_)
        rows.append((f"format {format_}", given, "frame-format"))
    for at in range(3, HEADER_BYTES):
        rows.append((f"byte {at} of the header changed", flipped(at), "frame-checksum"))
    for at in (HEADER_BYTES, len(FRAME) - 5, len(FRAME) - 4, len(FRAME) - 1):
        rows.append((f"byte {at} of body and checksum changed", flipped(at), "frame-checksum"))
    for bit in range(1, 16):
        given = frame_bytes(GET, 1, BODY, 1 << bit)
        rows.append((f"flag {bit}", given, "frame-reserved"))
    for bit in (0, 7, 8, 15):
        given = frame_bytes(GET, 1, BODY, reserved=1 << bit)
        rows.append((f"bit {bit} of bytes 6 and 7", given, "frame-reserved"))
    for claim, given, code in rows:
        report.equal(claim, fault(lab, lambda connection: connection.write(given)), code)


def check_pieces(report, lab):
    """Frames arrive in pieces of any size, or many at once."""
    with lab.open() as connection:
        answered = 0
        for at in range(1, len(FRAME)):
            call = connection.next_call()
            frame = frame_bytes(GET, call, BODY)
            connection.write(frame[:at])
            connection.write(frame[at:])
            answered += connection.answer(call)[0] == "GetReply"
        report.equal("a frame split at every byte is answered", answered, len(FRAME) - 1)
    with lab.open() as connection:
        for byte in frame_bytes(GET, connection.next_call(), BODY):
            connection.write(bytes([byte]))
        report.equal("a frame sent byte by byte is answered", connection.answer(1)[0], "GetReply")
    with lab.open() as connection:
        calls = [connection.next_call() for _ in range(200)]
        connection.write(b"".join(frame_bytes(GET, call, BODY) for call in calls))
        names = {connection.answer(call)[0] for call in calls}
        report.equal("200 frames in one write are answered", names, {"GetReply"})
    with lab.open() as connection:
        name, _ = connection.call("TopologyQuery")
        report.equal("an empty body with checksum 0 is a frame", name, "Topology")
        report.equal("a body of 65,536 bytes is a frame", full_frame(connection), "answered")


def full_frame(connection):
    """The code of a Get whose body an unknown field makes as long as a frame allows."""
    size = 65536 - len(BODY) - 4
    return failing_body(connection, GET, BODY + field_bytes(12, BYTES, bytes(size)))


def check_ending(report, lab):
    """The Goodbye after a fault is the last frame, and tells the highest call."""
    with lab.open() as connection:
        for _ in range(3):
            connection.call("Get", {"bucket": b"frames", "key": b"absent"})
        connection.write(flipped(len(FRAME) - 1) + frame_bytes(GET, 9, BODY))
        goodbye = connection.goodbye()
        report.equal("a fault ends with its code", code_name(goodbye["code"]), "frame-checksum")
        report.equal("last_call is the highest call taken", goodbye.get("last_call", 0), 3)
        report.that("the Goodbye has a sentence", 0 < len(goodbye["message"]) <= 1024)
        report.that("the connection is closed after the Goodbye", connection.is_closed(7))
        report.equal("what was sent after the fault is not answered", connection.answers, {})
    report.equal("CRC-32C of 123456789", crc32c(b"123456789"), 0xE3069283)

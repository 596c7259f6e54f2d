"""Checks of chunks and credit: long requests and answers, overruns, cancels, many at once."""

import os
import time

from client import IN_ADVANCE, KINDS, encode, request_id
from frames import MORE, frame_bytes
from report import code_name, failing, fault

BUCKET = b"chunks"
PUT = KINDS["Put"]
LONG = 8 << 20


def put_fields(key, value, **more):
    """The fields of a put with a fresh request id."""
    return {"bucket": BUCKET, "key": key, "value": value, "request_id": request_id(), **more}


def check(report, lab):
    """All checks of this file."""
    with report.group("messages of 8 MiB"):
        check_long(report, lab)
    with report.group("chunks that break a rule"):
        check_faults(report, lab)
    with report.group("messages in turns"):
        check_turns(report, lab)
    with report.group("credit for an answer"):
        check_credit(report, lab)
    with report.group("Cancel"):
        check_cancel(report, lab)
    with report.group("calls at once"):
        check_calls_max(report, lab)


def check_long(report, lab):
    """A put and a get of 8 MiB, and what is longer."""
    value = os.urandom(1 << 16) * (LONG >> 16)
    with lab.open() as connection:
        name, _ = connection.call("Put", put_fields(b"long", value))
        report.equal("a put of 8 MiB is done", name, "PutReply")
    with lab.open(1) as connection:
        _, reply = connection.call("Get", {"bucket": BUCKET, "key": b"long"})
        values = [sibling.get("value") for sibling in reply["siblings"]]
        report.that("a get gives its 8 MiB", values == [value])
    with lab.open(2) as connection:
        code = failing(connection, "Put", put_fields(b"longer", value + b"x"))
        report.equal("a value of 8 MiB and a byte", code, "value-too-long")
        call = connection.next_call()
        connection.send("Length", call, {"kind": PUT, "bytes": (64 << 20) + 1})
        name, failure = connection.answer(call)
        report.equal("a message beyond 64 MiB", code_name(failure["code"]), "message-too-long")
        call = connection.next_call()
        connection.send("Length", call, {"kind": 60, "bytes": 70_000})
        name, failure = connection.answer(call)
        report.equal("a long message of unknown kind", code_name(failure["code"]), "kind-unknown")
        connection.send("Length", 9999, {"kind": KINDS["GetReply"], "bytes": 70_000})
        report.equal("the connection goes on", connection.call("StatusQuery")[0], "Status")


def announce(connection, size, kind=PUT):
    """Announces a message, and waits for credit."""
    call = connection.next_call()
    connection.credit[call] = 0
    connection.send("Length", call, {"kind": kind, "bytes": size})
    while connection.credit[call] == 0:
        connection.step()
    return call


def chunk(call, size, flags=MORE, kind=PUT):
    """A chunk of zeros."""
    return frame_bytes(kind, call, bytes(size), flags)


def check_faults(report, lab):
    """Each of these ends the connection."""

    def after_credit(size, *chunks):
        def act(connection):
            call = announce(connection, size)
            for length, flags in chunks:
                connection.write(chunk(call, length, flags))

        return act

    def announce_nothing(connection):
        connection.send("Length", 1, {"kind": PUT, "bytes": 0})

    def announce_twice(connection):
        call = announce(connection, 70_000)
        connection.send("Length", call, {"kind": PUT, "bytes": 70_000})

    def other_kind(connection):
        call = announce(connection, 70_000)
        connection.write(chunk(call, 65_536, MORE, KINDS["Get"]))

    def without_credit(connection):
        for _ in range(3):
            call = connection.next_call()
            connection.send("Length", call, {"kind": PUT, "bytes": LONG})
        connection.send("Ping")
        while not connection.pongs:
            connection.step()
        report.that("a full window gives no credit", connection.credit.get(call, 0) == 0)
        connection.write(chunk(call, 65_536))

    rows = [
        ("not announced", lambda connection: connection.write(chunk(1, 65_536)), "credit-overrun"),
        ("without credit", without_credit, "credit-overrun"),
        ("beyond the message", after_credit(70_000, (65_536, MORE), (65_536, 0)), "credit-overrun"),
        ("a message of 0 bytes", announce_nothing, "message-garbled"),
        ("announced twice", announce_twice, "call-id-wrong"),
        ("an empty chunk", after_credit(70_000, (0, MORE)), "message-garbled"),
        ("an empty last chunk", after_credit(70_000, (65_536, MORE), (0, 0)), "message-garbled"),
        ("the last too early", after_credit(70_000, (65_536, 0)), "message-garbled"),
        ("MORE in the last", after_credit(66_000, (65_536, MORE), (464, MORE)), "message-garbled"),
        ("another kind than announced", other_kind, "message-garbled"),
    ]
    for claim, act, code in rows:
        report.equal(f"chunks: {claim}", fault(lab, act), code)


def check_turns(report, lab):
    """Several long messages in turns, with short calls and pings in between."""
    sizes = {b"turn-%d" % number: 200_000 + number for number in range(4)}
    with lab.open() as connection:
        messages = []
        for key, size in sizes.items():
            body = encode("Put", put_fields(key, key[-1:] * size))
            messages.append((PUT, connection.next_call(), body))
        connection.send_long(messages)
        names = {connection.answer(call)[0] for _, call, _ in messages}
        report.equal("four long puts in turns are done", names, {"PutReply"})
        body = encode("Put", put_fields(b"between", b"b" * 300_000))
        call = announce(connection, len(body))
        connection.write(frame_bytes(PUT, call, body[:65_536], MORE))
        connection.credit[call] -= 65_536
        between = connection.call("Get", {"bucket": BUCKET, "key": b"turn-1"})
        report.equal("a call between chunks is answered", between[0], "GetReply")
        for at in range(65_536, len(body), 1 << 14):
            part = body[at : at + (1 << 14)]
            while connection.credit[call] < len(part):
                connection.step()
            connection.credit[call] -= len(part)
            is_last = at + len(part) == len(body)
            connection.write(frame_bytes(PUT, call, part, 0 if is_last else MORE))
        report.equal("short chunks make a message", connection.answer(call)[0], "PutReply")
        calls = {key: connection.ask("Get", {"bucket": BUCKET, "key": key}) for key in sizes}
        for key, call in calls.items():
            siblings = connection.answer(call)[1]["siblings"]
            is_whole = [sibling["value"] for sibling in siblings] == [key[-1:] * sizes[key]]
            report.that(f"long answers in turns are whole: {key!r}", is_whole)
    with lab.open() as connection:
        body = encode("Put", put_fields(b"short", b"short"))
        call = announce(connection, len(body))
        connection.write(frame_bytes(PUT, call, body[:1], MORE))
        connection.write(frame_bytes(PUT, call, body[1:]))
        report.equal("a short message in chunks is taken", connection.answer(call)[0], "PutReply")


def check_credit(report, lab):
    """An answer waits for credit, and takes no more than it has."""
    with lab.open() as connection:
        connection.grants_credit = False
        call = connection.ask("Get", {"bucket": BUCKET, "key": b"long"})
        while call not in connection.halves:
            connection.step()
        half = connection.halves[call]
        report.equal("Length tells the kind", half["kind"], KINDS["GetReply"])
        report.that("Length tells the bytes", half["bytes"] > LONG, half["bytes"])
        connection.send("Ping")
        while not connection.pongs:
            connection.step()
        report.equal("no chunk comes without credit", len(half["body"]), 0)
        half["granted"] += 1000
        connection.send("Credit", call, {"bytes": 1000, "is_answer": True})
        while len(half["body"]) < 1000:
            connection.step()
        report.equal("as much comes as was allowed", len(half["body"]), 1000)
        connection.grants_credit = True
        connection.grant(call)
        name, reply = connection.answer(call)
        report.equal("the rest comes with more credit", len(reply["siblings"][0]["value"]), LONG)
    with lab.open() as connection:
        call = connection.next_call()
        connection.credit[call] = 0
        connection.send("Length", call, {"kind": PUT, "bytes": LONG})
        time.sleep(0.5)
        connection.send("Ping")
        while not connection.pongs:
            connection.step()
        granted = connection.credit[call]
        report.that("a node allows 1 MiB in advance at most", 0 < granted <= IN_ADVANCE, granted)


def check_cancel(report, lab):
    """A call that is cancelled gets its answer, and another call is served."""
    get = {"bucket": BUCKET, "key": b"long"}
    with lab.open() as connection:
        connection.grants_credit = False
        first = connection.ask("Get", get)
        while first not in connection.halves:
            connection.step()
        calls = [connection.ask("Get", get) for _ in range(300)]
        connection.send("Cancel", calls[-1])
        _, failure = connection.answer(calls[-1])
        report.equal("a call that waits is cancelled", code_name(failure["code"]), "cancelled")
        report.that("it is certainly not done", not failure.get("in_doubt"))
        connection.send("Cancel", first)
        _, failure = connection.answer(first)
        report.equal("an answer is given up", code_name(failure["code"]), "cancelled")
        report.that("it is in doubt", failure.get("in_doubt", False))
        connection.send("Ping")
        while not connection.pongs:
            connection.step()
        report.equal("Pong comes beside calls that wait", len(connection.pongs), 1)
    with lab.open() as connection:
        name, _ = connection.call("Get", get)
        report.equal("memory is released with its connection", name, "GetReply")
    with lab.open() as connection:
        call = announce(connection, 300_000)
        connection.write(chunk(call, 65_536))
        connection.send("Cancel", call)
        name, failure = connection.answer(call)
        report.equal("half a request is cancelled", code_name(failure["code"]), "cancelled")
        report.that("half a request is not done", not failure.get("in_doubt"))
        report.equal("and the next is served", connection.call("StatusQuery")[0], "Status")


def check_calls_max(report, lab):
    """With 1,024 calls in flight a further one is told to wait."""
    body = encode("Get", {"bucket": BUCKET, "key": b"long"})
    with lab.open() as connection:
        connection.grants_credit = False
        calls = [connection.next_call() for _ in range(1025)]
        connection.write(b"".join(frame_bytes(32, call, body) for call in calls))
        name, failure = connection.answer(calls[-1])
        report.equal("call 1,025 in flight", code_name(failure["code"]), "overloaded")
        report.that("an overloaded call is not in doubt", not failure.get("in_doubt"))

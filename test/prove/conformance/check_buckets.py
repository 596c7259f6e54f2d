"""Checks of buckets that are created: their names, what refuses them, and their policies."""

import os

from check_data import Key
from client import request_id
from report import code_name, failing

SIBLINGS, LAST_WRITE_WINS = 1, 2
ALWAYS, INTERVAL = 0, 1


def bucket_of(name, **changes):
    """The terms of a new bucket."""
    terms = {"creation": os.urandom(8), "created_as": name, "policy": SIBLINGS}
    return {**terms, "n": 3, "r": 2, "w": 2, **changes}


def exact_name(bucket):
    """NAME#ID of a bucket."""
    return f"{bucket['created_as']}#{bucket['creation'].hex()}"


def create(connection, bucket):
    """The reply of a creation."""
    name, reply = connection.call("BucketCreate", {"bucket": bucket})
    if name != "BucketCreateReply":
        raise ValueError(f"a bucket was not created: {code_name(reply['code'])} {reply}")
    return reply


def check(report, lab):
    """All checks of this file."""
    with report.group("a bucket is created"):
        check_created(report, lab)
    with report.group("buckets that are refused"):
        check_refused(report, lab)
    with report.group("a bucket is renamed"):
        check_renamed(report, lab)
    with report.group("the last write wins"):
        check_last_write(report, lab)


def check_created(report, lab):
    """Every node has it, and lists it with its terms."""
    bucket = bucket_of("made", n=2, r=1, w=2, deadline_ms=700, durability=INTERVAL)
    with lab.open() as connection:
        reply = create(connection, bucket)
        report.equal("it is shown under its name", reply["shown"], "made")
        report.equal("all members have heard", reply["untold"], [])
        told = {**reply["bucket"], "name": ""}
        report.equal("the reply has its terms", told, {**bucket, "name": ""})
        again = create(connection, bucket)
        report.equal("asked again it is answered as before", again, reply)
        Key(connection, b"k", b"made").put(b"v")
    for node in range(3):
        with lab.open(node) as connection:
            listed = connection.call("TopologyQuery")[1]["buckets"]
            rows = [(each["n"], each["r"], each["w"]) for each in listed if each.get("created")]
            report.that("Topology lists it", (2, 1, 2) in rows, rows)
            report.equal("every node has its keys", Key(connection, b"k", b"made").get()[0], [b"v"])
            exact = exact_name(bucket).encode()
            report.equal("also by its exact name", Key(connection, b"k", exact).get()[0], [b"v"])
            other = Key(connection, b"k", b"made#" + b"0" * 16)
            report.equal("a bucket never created is another", other.get()[0], [])


def check_refused(report, lab):
    """The page's list of checks, each with its code."""
    taken = bucket_of("taken")
    rows = [
        ("with other terms under one id", {**taken, "r": 1}, "bucket-exists"),
        ("with the name of another", bucket_of("taken"), "bucket-exists"),
        ("with the name of a configured one", bucket_of("single"), "bucket-exists"),
        ("with a name under which there are keys", bucket_of("data"), "bucket-exists"),
        ("without a name", bucket_of(""), "bucket-wrong"),
        ("with too long a name", bucket_of("x" * 239), "bucket-wrong"),
        ("with an exact name", bucket_of("a#0123456789abcdef"), "bucket-wrong"),
        ("without copies", bucket_of("none", n=0, r=0, w=0), "quorum-wrong"),
        ("with too many copies", bucket_of("many", n=8), "quorum-wrong"),
        ("with r above n", bucket_of("high", n=2, r=3), "quorum-wrong"),
        ("with w above n", bucket_of("high", n=1, r=1), "quorum-wrong"),
        ("with an id of zeros", bucket_of("zero", creation=bytes(8)), "message-garbled"),
        ("with an id of seven bytes", bucket_of("short", creation=b"1234567"), "message-garbled"),
        ("with an unknown policy", bucket_of("odd", policy=3), "message-garbled"),
        ("with an unknown durability", bucket_of("odd", durability=2), "message-garbled"),
    ]
    with lab.open() as connection:
        create(connection, taken)
        for claim, bucket, code in rows:
            got = failing(connection, "BucketCreate", {"bucket": bucket})
            report.equal(f"a bucket {claim}", got, code)
        late = {"bucket": bucket_of("late"), "deadline_ms": 60001}
        got = failing(connection, "BucketCreate", late)
        report.equal("a creation with a long deadline", got, "deadline-wrong")
        unknown = {"bucket": b"made#1234567812345678", "key": b"k"}
        report.equal("an exact name of none", failing(connection, "Get", unknown), "bucket-unknown")
        renames = [
            ("that nobody created", "data", "free", "bucket-wrong"),
            ("to an exact name", "taken", "a#0123456789abcdef", "bucket-wrong"),
            ("to the name of another", "taken", "made", "bucket-exists"),
            ("to a name under which there are keys", "taken", "data", "bucket-exists"),
            ("to its own name", "taken", "taken", "answered"),
        ]
        for claim, old, new, code in renames:
            got = failing(connection, "BucketRename", {"from": old, "to": new})
            report.equal(f"a bucket is renamed {claim}", got, code)


def check_renamed(report, lab):
    """Its keys stay, under the new name; the old name is free."""
    bucket = bucket_of("before")
    with lab.open() as connection:
        create(connection, bucket)
        first = Key(connection, b"k", b"before").put(b"v")
        name, reply = connection.call("BucketRename", {"from": "before", "to": "after"})
        report.equal("a bucket is renamed", name, "BucketRenameReply")
        report.equal("it is shown under the new name", reply["shown"], "after")
        report.equal("it was created under the old one", reply["bucket"]["created_as"], "before")
        renamed = Key(connection, b"k", b"after")
        report.equal("its keys stay", renamed.get()[0], [b"v"])
        renamed.put(b"w", [first["context"]])
        report.equal("contexts from before count", renamed.get()[0], [b"w"])
        create(connection, bucket_of("before"))
        anew = Key(connection, b"k", b"before")
        report.equal("a bucket made anew has no keys", anew.get()[0], [])
        got = anew.failing(b"x", [first["context"]])
        report.equal("and takes no context of the former", got, "context-foreign")


def check_last_write(report, lab):
    """Of writes that do not know of each other one is left, the later one."""
    with lab.open() as connection:
        create(connection, bucket_of("last", policy=LAST_WRITE_WINS))
        key = Key(connection, b"k", b"last")
        for value in (b"1", b"2", b"3"):
            key.put(value)
        report.equal("the last put is left", key.get()[0], [b"3"])
        early = bytes(6) + request_id()[6:]
        key.put(b"4", request_id=early, is_repeat=True)
        report.equal("a repeat has the time of its first attempt", key.get()[0], [b"3"])
        key.put(b"", tombstone=True)
        report.equal("a delete without a context is the last write, too", key.get()[0], [])

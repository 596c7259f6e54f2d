"""Checks of puts, gets, deletes, contexts, repeats and scans."""

import hashlib

from client import Connection, request_id
from report import code_name, failing

BUCKET = b"data"


def check(report, lab):
    """All checks of this file."""
    with report.group("gets, puts and deletes"):
        check_siblings(report, lab)
    with report.group("contexts"):
        check_contexts(report, lab)
    with report.group("replace: SEEN and repeats"):
        check_repeats(report, lab)
    with report.group("64 siblings"):
        check_full(report, lab)
    with report.group("scans"):
        check_scan(report, lab)
    with report.group("cursors"):
        check_cursors(report, lab)


class Key:
    """One key, as a client of one connection sees it."""

    def __init__(self, connection, key, bucket=BUCKET):
        self.connection = connection
        self.name = {"bucket": bucket, "key": key}

    def get(self, **more):
        """(the values, sorted; the reply)."""
        name, reply = self.connection.call("Get", {**self.name, **more})
        if name != "GetReply":
            raise ValueError(f"a get failed: {reply}")
        return sorted(sibling.get("value", b"") for sibling in reply["siblings"]), reply

    def context(self):
        """The context of a get."""
        return self.get()[1]["context"]

    def put_fields(self, value, contexts=(), **more):
        """The fields of a put."""
        given = {**self.name, "value": value, "contexts": list(contexts)}
        return {**given, "request_id": request_id(), **more}

    def put(self, value, contexts=(), **more):
        """The reply of a put."""
        name, reply = self.connection.call("Put", self.put_fields(value, contexts, **more))
        if name != "PutReply":
            raise ValueError(f"a put failed: {reply}")
        return reply

    def failing(self, value, contexts=(), **more):
        """The code of a put."""
        return failing(self.connection, "Put", self.put_fields(value, contexts, **more))


def check_siblings(report, lab):
    """What a put replaces, and what it does not."""
    with lab.open() as connection:
        key = Key(connection, b"siblings")
        values, reply = key.get()
        report.equal("a key never written has no sibling", values, [])
        report.equal("and an empty context", reply.get("context", b""), b"")
        report.equal("and no tombstone", reply.get("tombstones", 0), 0)
        report.equal("a get says how many must answer", reply["needed"], 2)
        report.that("and how many did", reply["answered"] >= 2)
        first = key.put(b"1")
        report.that("a put tells its context", len(first["context"]) > 0)
        report.equal("a put counts its attempts", first.get("attempts", 1), 1)
        report.equal("a get gives the value", key.get()[0], [b"1"])
        key.put(b"2")
        report.equal("a put without context adds", key.get()[0], [b"1", b"2"])
        key.put(b"3", [first["context"]])
        report.equal("a put replaces what its context covers", key.get()[0], [b"2", b"3"])
        last = key.put(b"4", [key.context()])
        report.equal("the context of a get covers all", key.get()[0], [b"4"])
        chained = key.put(b"5", [last["context"]])
        report.equal("puts are chained by their replies", key.get()[0], [b"5"])
        key.put(b"", [chained["context"]])
        report.equal("an empty value is a value", key.get()[0], [b""])
        gone = key.put(b"", [key.context()], tombstone=True)
        values, reply = key.get()
        report.equal("a delete leaves no sibling", values, [])
        report.that("a deleted key has a context", len(reply["context"]) > 0)
        report.equal("a deleted key has one tombstone", reply.get("tombstones", 0), 1)
        key.put(b"again", [gone["context"]])
        report.equal("a deleted key may be put again", key.get()[0], [b"again"])
        report.equal("a get of one replica", key.get(r=1)[0], [b"again"])
        report.equal("a get of three replicas", key.get(r=3)[1]["needed"], 3)
        report.equal("a strict get of all there is", key.get(strict=True)[0], [b"again"])
    for node in (1, 2):
        with lab.open(node) as connection:
            values = Key(connection, b"siblings").get()[0]
            report.equal(f"node {node} gives the same", values, [b"again"])


def check_contexts(report, lab):
    """Contexts are of one key, one cluster, and unchanged."""
    with lab.open() as connection:
        key = Key(connection, b"contexts")
        other = Key(connection, b"other")
        elsewhere = Key(connection, b"contexts", b"elsewhere")
        contexts = [key.put(b"%d" % number)["context"] for number in range(7)]
        for each in (other, elsewhere):
            each.put(b"x")
        given = other.put(b"y")["context"]
        report.equal("the context of another key", key.failing(b"z", [given]), "context-foreign")
        given = elsewhere.context()
        report.equal("that of another bucket", key.failing(b"z", [given]), "context-foreign")
        own = key.context()
        report.equal("bytes that are no context", key.failing(b"z", [b"bytes"]), "context-garbled")
        codes = set()
        for at in range(len(own)):
            forged = own[:at] + bytes([own[at] ^ 1]) + own[at + 1 :]
            codes.add(key.failing(b"z", [forged]))
        report.that("a context with one bit changed is refused", "answered" not in codes, codes)
        report.that("most as forged", "context-forged" in codes, codes)
        report.equal("a context cut short", key.failing(b"z", [own[:-1]]) != "answered", True)
        report.equal("refused puts change nothing", len(key.get()[0]), 7)
        key.put(b"all", contexts)
        report.equal("seven contexts together", key.get()[0], [b"all"])
        key.put(b"beside", [b""])
        report.equal("an empty context covers nothing", key.get()[0], [b"all", b"beside"])
        with Connection(lab.guarded) as guarded:
            guarded.open(lab.token)
            given = Key(guarded, b"contexts").put(b"x")["context"]
        code = key.failing(b"z", [given])
        report.equal("the context of another cluster", code, "context-other-cluster")


def check_repeats(report, lab):
    """replace: SEEN, and the same request id again."""
    with lab.open() as connection, lab.open(1) as second:
        key, same = Key(connection, b"seen"), Key(second, b"seen")
        for number in range(3):
            key.put(b"%d" % number)
        reply = same.put(b"only", replace=1)
        report.equal("SEEN replaces what the node reads", key.get()[0], [b"only"])
        report.equal("and tells how many should answer", reply["needed"], 2)
        report.that("and how many did", reply["answered"] >= 2)
        key, same = Key(connection, b"repeat"), Key(second, b"repeat")
        fixed = request_id()
        key.put(b"once", request_id=fixed)
        again = key.put(b"once", request_id=fixed, is_repeat=True)
        report.equal("a repeat at the same node adds nothing", key.get()[0], [b"once"])
        elsewhere = same.put(b"once", request_id=fixed, is_repeat=True)
        report.equal("a repeat at another node is one sibling", key.get()[0], [b"once"])
        code = key.failing(b"twice", request_id=fixed, is_repeat=True)
        report.equal("a request id with another value", code, "request-id-wrong")
        key.put(b"after", [again["context"], elsewhere["context"]])
        report.equal("contexts of repeats replace all attempts", key.get()[0], [b"after"])
        key.put(b"once", request_id=fixed, is_repeat=True)
        report.equal("a late repeat changes nothing", key.get()[0], [b"after"])


def check_full(report, lab):
    """A key has at most 64 siblings."""
    with lab.open() as connection:
        key = Key(connection, b"full")
        for number in range(64):
            key.put(b"%d" % number)
        name, failure = connection.call("Put", key.put_fields(b"one more"))
        report.equal("sibling 65", code_name(failure.get("code", 0)), "siblings-full")
        report.equal("names its limit", failure.get("limit"), "SIBLINGS_MAX")
        report.equal("and its value", failure.get("limit_value"), 64)
        key.put(b"one", [key.context()])
        report.equal("a put with the context makes room", key.get()[0], [b"one"])


def token_of(bucket, key):
    """The first 64 bits of the MD5."""
    return hashlib.md5(len(bucket).to_bytes(2, "little") + bucket + key).digest()[:8]


def scan_all(connections, bucket, **fields):
    """The pages of a bucket; each page from the next connection."""
    pages, cursor = [], b""
    while True:
        connection = connections[len(pages) % len(connections)]
        name, page = connection.call("Scan", {"bucket": bucket, "cursor": cursor, **fields})
        if name != "ScanReply" or len(pages) > 1000:
            raise ValueError(f"a scan failed: {page}")
        pages.append(page)
        cursor = page.get("cursor", b"")
        if cursor == b"":
            return pages


def check_scan(report, lab):
    """All keys once, in the order of their tokens, on pages of a bounded length."""
    bucket = b"scanned"
    with lab.open() as one, lab.open(1) as two, lab.open(2) as three:
        keys = [b"key-%d" % number for number in range(60)]
        for key in keys:
            Key(one, key, bucket).put(b"value of " + key)
        gone = Key(one, keys[0], bucket)
        gone.put(b"", [gone.context()], tombstone=True)
        expected = sorted(keys[1:], key=lambda key: token_of(bucket, key))
        pages = scan_all([one, two, three], bucket, keys_max=7)
        entries = [entry for page in pages for entry in page["entries"]]
        report.equal("a scan over three nodes gives each key once, by token",
                     [entry["key"] for entry in entries], expected)
        report.that("a page has at most keys_max keys", max(map(count, pages)) <= 7)
        report.that("without values there are none", not any(e["siblings"] for e in entries))
        pages = scan_all([one], bucket, with_values=True)
        entries = [entry for page in pages for entry in page["entries"]]
        values = [[sibling["value"] for sibling in entry["siblings"]] for entry in entries]
        report.equal("with values", values, [[b"value of " + key] for key in expected])
        Key(one, expected[0], bucket).put(b"new", [entries[0]["context"]])
        report.equal("its contexts work", Key(one, expected[0], bucket).get()[0], [b"new"])
        pages = scan_all([two], b"no such bucket")
        report.equal("an empty bucket has no keys", sum(map(count, pages)), 0)
        for number in range(6):
            Key(one, b"long-%d" % number, b"long").put(b"l" * 400_000)
        pages = scan_all([three], b"long", with_values=True)
        report.equal("long values are all there", sum(map(count, pages)), 6)
        report.that("a page ends before 1 MiB", max(map(count, pages)) <= 2)
        pages = scan_all([three], b"long")
        report.equal("keys of long values are listed", sum(map(count, pages)), 6)


def count(page):
    """The keys on a page."""
    return len(page["entries"])


def check_cursors(report, lab):
    """A cursor that no page of the bucket gave is refused."""
    bucket = b"scanned"
    with lab.open() as connection:
        _, page = connection.call("Scan", {"bucket": bucket, "keys_max": 3})
        cursor = page["cursor"]
        report.that("a cursor has at most 64 bytes", 0 < len(cursor) <= 64)
        rows = [
            ("one byte", b"x"),
            ("eight bytes", bytes(8)),
            ("64 bytes", bytes(64)),
            ("one cut short", cursor[:-1]),
            ("one made longer", cursor + b"\0"),
        ]
        rows += [
            (f"one changed at byte {at}", cursor[:at] + bytes([cursor[at] ^ 1]) + cursor[at + 1 :])
            for at in (0, len(cursor) // 2, len(cursor) - 1)
        ]
        for claim, given in rows:
            code = failing(connection, "Scan", {"bucket": bucket, "cursor": given})
            report.equal(f"a made-up cursor: {claim}", code, "cursor-wrong")
        code = failing(connection, "Scan", {"bucket": b"long", "cursor": cursor})
        report.equal("a cursor of another bucket", code, "cursor-wrong")
        code = failing(connection, "Scan", {"bucket": bucket, "cursor": cursor})
        report.equal("a cursor used twice", code, "answered")

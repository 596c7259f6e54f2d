"""Checks of Topology, Status and preference lists, and of a node that stops."""

import itertools
import struct

from check_data import Key, token_of
from report import code_name, told

SINGLE = b"single"
KEYS = [b"single-%d" % number for number in range(40)]


class Ring:
    """The page's algorithm on a Topology."""

    def __init__(self, topology):
        self.bits = topology["partition_bits"]
        self.members = topology["members"]
        self.owners = struct.unpack(f"<{len(topology['owners']) // 2}H", topology["owners"])

    def preference(self, bucket, key, n):
        """(owners, fallbacks) of a key, as members."""
        partition = int.from_bytes(token_of(bucket, key), "big") >> 64 - self.bits
        width = len(self.owners) >> self.bits
        walk = self.owners[partition * width :] + self.owners[: partition * width]
        order = list(dict.fromkeys([*walk, *range(len(self.members))]))
        listed = [self.members[index] for index in order]
        owners = listed[: min(n, width)]
        for differs in (self._in_machine_and_zone, self._in_machine, lambda *_: True):
            for member in listed:
                if len(owners) < n and member not in owners and differs(member, owners):
                    owners.append(member)
        return owners, [member for member in listed if member not in owners]

    @staticmethod
    def _in_machine(member, taken):
        return all(member["machine"] != other["machine"] for other in taken)

    @staticmethod
    def _in_machine_and_zone(member, taken):
        zone = member.get("zone", "")
        is_new = zone == "" or all(zone != other.get("zone", "") for other in taken)
        return is_new and Ring._in_machine(member, taken)


def topology_of(lab, node=0):
    """The Topology that a node tells."""
    with lab.open(node) as connection:
        return connection.call("TopologyQuery")[1]


def check(report, lab):
    """All checks of this file while all nodes run."""
    with report.group("Topology"):
        check_topology(report, lab)
    with report.group("preference lists"):
        check_preference(report, lab)
    with report.group("Status"):
        check_status(report, lab)


def check_topology(report, lab):
    """All nodes tell the same ring."""
    tokens = token_of(b"carts", b"ann").hex()
    report.equal("the page's token", tokens, "44f10758e2641775")
    told_by = [topology_of(lab, node) for node in range(3)]
    report.that("all nodes tell the same", told_by[0] == told_by[1] == told_by[2])
    topology = told_by[0]
    partitions = 1 << topology["partition_bits"]
    report.equal("Topology names the cluster", topology["cluster"], lab.cluster)
    report.equal("Topology has each member", len(topology["members"]), 3)
    report.equal("owners has rows of three", len(topology["owners"]), 2 * 3 * partitions)
    owners = set(Ring(topology).owners)
    report.equal("each member owns partitions", owners, {0, 1, 2})
    first, *others = topology["buckets"]
    report.equal("the first bucket has no name", first.get("name", ""), "")
    report.equal("the first has n, r, w", (first["n"], first["r"], first["w"]), (3, 2, 2))
    named = [(each["name"], each["n"], each["r"], each["w"]) for each in others]
    report.equal("the others have theirs", named, [("single", 1, 1, 1)])
    ports = sorted(member["client_port"] for member in topology["members"])
    report.equal("members have their ports", ports, sorted(port for _, port in lab.addresses))
    ids = {member["node"] for member in topology["members"]}
    report.equal("node ids have 8 bytes", {len(each) for each in ids}, {8})


def keys_of(connection):
    """The figure of keys that a node tells."""
    status = connection.call("StatusQuery")[1]
    return {figure["name"]: figure.get("value", 0.0) for figure in status["figures"]}["keys"]


def check_preference(report, lab):
    """A key of one owner is where the page's algorithm puts it."""
    topology = topology_of(lab)
    ring = Ring(topology)
    names = [b"%d" % number for number in range(500)]
    lists = [ring.preference(b"data", name, 3) for name in names]
    report.that("three owners, no fallback", all(len(o) == 3 and not f for o, f in lists))
    by_port = {port: node for node, (_, port) in enumerate(lab.addresses)}
    expected = [0, 0, 0]
    for key in KEYS:
        owners, fallbacks = ring.preference(SINGLE, key, 1)
        report_count = len(owners) + len(fallbacks)
        if report_count != 3:
            report.that("a list has each member once", False, report_count)
        expected[by_port[owners[0]["client_port"]]] += 1
    connections = [lab.open(node) for node in range(3)]
    before = [keys_of(connection) for connection in connections]
    for key, connection in zip(KEYS, itertools.cycle(connections)):
        Key(connection, key, SINGLE).put(b"one")
    after = [keys_of(connection) for connection in connections]
    grown = [late - early for early, late in zip(before, after)]
    report.equal("keys of one owner are where the page puts them", grown, expected)
    for connection in connections:
        connection.socket.close()


def check_status(report, lab):
    """Status names the node, the others and its figures."""
    topology = topology_of(lab)
    for node, (_, port) in enumerate(lab.addresses):
        with lab.open(node) as connection:
            status = connection.call("StatusQuery")[1]
        member = next(each for each in topology["members"] if each["client_port"] == port)
        report.equal("Status has the member's id", status["node"], member["node"])
        report.equal("Status has the member's name", status["name"], member["name"])
        report.equal("Status has the cluster", status["cluster"], lab.cluster)
        connected = [peer["is_connected"] for peer in status["peers"]]
        report.equal("Status tells the other members", connected, [True, True])
        names = [figure["name"] for figure in status["figures"]]
        report.equal("figures have a name each", len(set(names)), len(names))
        report.equal("a node has no alarm", status["alarms"], [])


def check_stopped(report, lab, stop):
    """Node 3 stops: its Goodbye, and the keys that it alone owned."""
    topology = topology_of(lab)
    stopped = next(m for m in topology["members"] if m["client_port"] == lab.addresses[2][1])
    with lab.open(2) as connection:
        connection.call("StatusQuery")
        stop()
        goodbye = connection.goodbye()
        report.equal("a node that stops says so", told(goodbye), "node-stopping")
        report.equal("and the highest call taken", (goodbye or {}).get("last_call"), 1)
    ring = Ring(topology)
    wrong = []
    failure = None
    with lab.open() as connection:
        for key in KEYS:
            owner = ring.preference(SINGLE, key, 1)[0][0]
            name, answer = connection.call("Get", {"bucket": SINGLE, "key": key})
            if (name == "Failure") != (owner == stopped):
                wrong.append(key)
            if name == "Failure":
                failure = answer
        report.equal("exactly the keys that it owned fail", wrong, [])
        report.equal("they fail for want of replicas", code_name(failure["code"]), "replicas-short")
        report.equal("needed", failure["needed"], 1)
        report.equal("answered", failure.get("answered", 0), 0)
        told_nodes = [(n["node"], code_name(n["code"])) for n in failure["nodes"]]
        report.equal("Failure names the owner", told_nodes, [(stopped["node"], "peer-away")])
        report.that("it is not in doubt", not failure.get("in_doubt"))
        key = Key(connection, b"two of three")
        key.put(b"v")
        report.equal("two of three owners serve a key", key.get()[0], [b"v"])
        code = key.failing(b"v", w=3)
        report.equal("a put that needs all three is refused", code, "replicas-short")
        reply = key.get(r=3)[1]
        counts = (reply["answered"], reply["needed"])
        report.equal("a get that is not strict takes what is there", counts, (2, 3))

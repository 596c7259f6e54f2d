"""Runs all checks: `checks.py ARGUMENTS`, a JSON object of nodes and token (report.Lab).

Asks on standard output to `stop` the third node, and goes on at a line of standard input. Its last
line is a JSON object: how many checks were made, and how many failed.
"""

import json
import sys

import check_buckets
import check_calls
import check_chunks
import check_data
import check_frames
import check_handshake
import check_ring
from report import Lab, Report


def stop_node():
    """Asks for the end of the third node, and waits for it to begin."""
    print("stop", flush=True)
    sys.stdin.readline()


def main():
    """All groups in turn."""
    lab = Lab(json.loads(sys.argv[1]))
    report = Report()
    parts = [check_frames, check_handshake, check_calls, check_data, check_ring, check_buckets]
    if not lab.is_short:
        parts.append(check_chunks)
    for part in parts:
        part.check(report, lab)
    with report.group("a node that stops"):
        check_ring.check_stopped(report, lab, stop_node)
    print(json.dumps({"checks": report.count, "failed": report.failed}), flush=True)


main()

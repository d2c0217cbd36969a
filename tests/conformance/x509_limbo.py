#!/usr/bin/env python3
"""Feeds the x509-limbo cases to the verdict program and compares what it says with what is expected.

Usage: x509_limbo.py VERDICT_PROGRAM [--list]
The data is found in $SALLYPORT_SHARED_DATA, or in shared/data beside the repository; exit status 77
(skipped) without it. x509_limbo.expected holds the written list of accepted deviations and the floor.
"""
import collections
import datetime
import gzip
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
NAME = "x509-limbo.json.gz"


def find_data():
    given = os.environ.get("SALLYPORT_SHARED_DATA")
    folder = pathlib.Path(given) if given else HERE.parents[1].parent / "shared" / "data"
    return folder / NAME


def why_skipped(case):
    if case["validation_kind"] != "SERVER":
        return "not about a server"
    if case["crls"]:
        return "needs revocation lists"
    if case["max_chain_depth"] in (0, 1):
        return "needs a depth that the caller chooses"
    if (case["expected_peer_name"] or {}).get("kind") not in ("DNS", "IP"):
        return "no host name to check"
    return None


def feed(case, now):
    when = case["validation_time"]
    seconds = int(datetime.datetime.fromisoformat(when).timestamp() // 1) if when else now
    lines = [f"case {case['id']} {seconds} {case['expected_peer_name']['value']}"]
    lines += ["root " + pem.replace("\n", "|") for pem in case["trusted_certs"]]
    chain = [case["peer_certificate"]] + case["untrusted_intermediates"]
    lines += ["cert " + pem.replace("\n", "|") for pem in chain]
    return "\n".join(lines + ["end", ""])


def suite(name):
    """Its ids hold BetterTLS's generated cases (name constraints, path building) beside limbo's own."""
    return "bettertls" if name.startswith("bettertls::") else "x509-limbo"


def read_expected():
    floors, accepted = {}, set()
    for line in (HERE / "x509_limbo.expected").read_text().splitlines():
        words = line.split("#")[0].split()
        if words[:1] == ["agree-at-least"]:
            floors[words[1]] = int(words[2])
        elif words[:1] == ["false-accept"]:
            accepted.add(words[1])
    return floors, accepted


def main():
    data = find_data()
    if not data.exists():
        print(f"skipped: {data} is not there (set SALLYPORT_SHARED_DATA)")
        return 77
    cases = json.load(gzip.open(data))["testcases"]
    skipped = collections.Counter(why_skipped(c) for c in cases if why_skipped(c))
    cases = [c for c in cases if not why_skipped(c)]
    now = int(datetime.datetime.now().timestamp())
    run = subprocess.run([sys.argv[1]], input="".join(feed(c, now) for c in cases), text=True,
                         stdout=subprocess.PIPE, check=True)
    verdicts = dict(line.split(" ", 1) for line in run.stdout.splitlines())

    wrong = {"SUCCESS": [], "FAILURE": []}
    for case in cases:
        word = verdicts[case["id"]].split(" ", 1)[0]
        if (word == "accept") != (case["expected_result"] == "SUCCESS"):
            wrong[case["expected_result"]].append(case["id"])
    accepts, rejects = wrong["FAILURE"], wrong["SUCCESS"]
    of = collections.Counter(suite(case["id"]) for case in cases)
    agree = of - collections.Counter(suite(name) for name in accepts + rejects)
    for name in sorted(of):
        print(f"{name}: {agree[name]}/{of[name]} agree, {sum(suite(n) == name for n in accepts)} false accepts,"
              f" {sum(suite(n) == name for n in rejects)} false rejects")
    for reason, count in sorted(skipped.items()):
        print(f"  {count} left out: {reason}")

    floors, listed = read_expected()
    for name in accepts:
        print(f"  accepts {name}" + ("" if name in listed else "  NOT ON THE WRITTEN LIST"))
    for name in rejects[: None if "--list" in sys.argv else 20]:
        print(f"  refuses {name}: {verdicts[name]}")
    for name in listed - set(accepts):
        print(f"  {name} is listed as accepted but is not: strike it off the list")
    if set(accepts) != listed or any(agree[name] < floors[name] for name in of):
        print(f"FAILED: false accepts differ from the list, or fewer agree than {floors}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Sends the request-smuggling cases of http-desync-guardian through the gateway's pure HTTP stages.

Usage: test_desync.py REWRITE_PROGRAM [--list]
A request that is sent on must have come out unambiguous: read here by a second, independent and
stricter reader. Compliant ones are to be sent, all others refused; where that is not so, and why, is
the written list test_desync.expected. The data is found in $SALLYPORT_SHARED_DATA, or in
shared/data beside the repository; exit status 77 (skipped) without it.
"""
import collections
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
SKIPPED = 77
TIERS = ("Compliant", "Acceptable", "Ambiguous", "Severe")

TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
START = re.compile(rb"([A-Z-]+) (/[!-~]*) HTTP/1\.1")
FIELD = re.compile(rb"([^:]*): ([\t\x20-\x7e\x80-\xff]*)")


def find_data():
    given = os.environ.get("SALLYPORT_SHARED_DATA")
    folder = pathlib.Path(given) if given else HERE.parents[1].parent / "shared" / "data"
    return folder / "http-desync-guardian"


def raw(value):
    """The suite writes bytes as the characters of the same number, and other text as it is."""
    text = str(value)
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8")


def body_of(fields):
    """A body such as the request announces, so that a forwarder has all it waits for."""
    names = {name.strip().lower(): value for name, value in fields}
    if any(b"transfer" in name for name in names):
        return b"5\r\nhello\r\n0\r\n\r\n"
    length = names.get(b"content-length", b"").strip()
    return b"x" * int(length) if length.isdigit() and len(length) < 8 else b""


def request_of(case):
    fields = [(raw(h["name"]), raw(h["value"])) for h in case["headers"] or []]
    if not any(name.strip().lower() == b"host" for name, _ in fields):
        fields.insert(0, (b"Host", b"a.example"))
    start = b" ".join((raw(case["method"]), raw(case["uri"]), raw(case["version"])))
    lines = [start] + [name + b": " + value for name, value in fields]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body_of(fields)


def read_chunks(body):
    while True:
        size, found, body = body.partition(b"\r\n")
        if not found or not re.fullmatch(rb"[0-9a-f]+", size):
            return "chunk size"
        if int(size, 16) == 0:
            return None if body == b"\r\n" else "bytes behind the last chunk"
        if body[int(size, 16):][:2] != b"\r\n":
            return "chunk end"
        body = body[int(size, 16) + 2:]


def what_is_wrong(sent):
    """None where every reader must read the bytes alike."""
    head, found, body = sent.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    if not found or b"\r" in b"".join(lines) or b"\n" in b"".join(lines) or b"\0" in head:
        return "line ends"
    if not START.fullmatch(lines[0]):
        return "request line"
    values = collections.defaultdict(list)
    for line in lines[1:]:
        match = FIELD.fullmatch(line)
        if not match or not TOKEN.fullmatch(match[1]):
            return f"field {line!r}"
        values[match[1].lower().replace(b"_", b"-")].append(match[2])
    lengths, codings = values[b"content-length"], values[b"transfer-encoding"]
    if len(lengths) + len(codings) > 1 or len(values[b"host"]) != 1:
        return "framing or Host more than once"
    if codings:
        return read_chunks(body) if codings == [b"chunked"] else "coding"
    length = lengths[0] if lengths else b"0"
    if not length.isdigit() or int(length) != len(body):
        return "length"
    return None


def check_the_reader():
    """A reader that finds nothing wrong would prove nothing."""
    start, host = b"POST / HTTP/1.1\r\n", b"Host: a\r\n"
    chunked = b"Transfer-Encoding: chunked\r\n"
    good = (start + host + b"\r\n", start + host + b"Content-Length: 1\r\n\r\nx",
            start + host + chunked + b"\r\n1\r\nx\r\n0\r\n\r\n")
    bad = (start + host, start + b"\r\n", start + host + host + b"\r\n",
           start + host + b"Content-Length: 1\r\n\r\nxy",
           start + host + b"Content-Length: 0\r\nContent_Length: 0\r\n\r\n",
           start + host + chunked + b"Content-Length: 0\r\n\r\n0\r\n\r\n",
           start + host + chunked + b"\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
           start + host + b"X : y\r\n\r\n", start + host + b"X: y\r\n z\r\n\r\n",
           start + host + b"X: y\nZ: 1\r\n\r\n", start + host + b"X: \1\r\n\r\n",
           b"POST /a b HTTP/1.1\r\n" + host + b"\r\n")
    for sent in good:
        assert what_is_wrong(sent) is None, sent
    for sent in bad:
        assert what_is_wrong(sent) is not None, sent


def read_expected():
    expected = {}
    for line in (HERE / "test_desync.expected").read_text().splitlines():
        if line and not line.startswith("#"):
            word, name = line.split(None, 1)
            expected[name] = word if word == "sent" else f"refused:{word}"
    return expected


def cases(folder):
    import yaml
    for path in sorted(folder.glob("*.yaml")):
        for number, case in enumerate(yaml.safe_load(path.read_text(encoding="utf-8")), 1):
            yield f"{path.name}#{number}", case


def check(program, name, case, expected):
    """The verdict, and what is wrong with it or None."""
    tier = case["expected"]["tier"]
    out = subprocess.run([program], input=request_of(case), capture_output=True, check=True,
                         timeout=60).stdout
    first, _, sent = out.partition(b"\n")
    verdict = first.decode()
    if verdict == "sent":
        wrong = what_is_wrong(sent)
        if wrong:
            return verdict, f"sent in a form that is ambiguous: {wrong}"
        if tier == "Severe":
            return verdict, "severe, and sent on: no list excuses that"
    elif not verdict.startswith("refused:"):
        return verdict, "not an answer"
    wanted = expected.get(name, "sent" if tier == "Compliant" else "refused")
    if verdict != wanted and (wanted != "refused" or verdict == "sent"):
        return verdict, f"expected was {wanted}"
    return verdict, None


def main():
    folder = find_data()
    if not folder.is_dir():
        print(f"skipped: the data of http-desync-guardian is not at {folder}")
        return SKIPPED
    try:
        import yaml  # noqa: F401
    except ImportError:
        print("skipped: Python's yaml (Debian: python3-yaml) is not installed")
        return SKIPPED
    check_the_reader()
    expected, seen = read_expected(), set()
    count, passed, failures = collections.Counter(), collections.Counter(), 0
    for name, case in cases(folder):
        verdict, wrong = check(sys.argv[1], name, case, expected)
        tier = case["expected"]["tier"]
        seen.add(name)
        count[tier] += 1
        passed[tier] += verdict == "sent"
        failures += wrong is not None
        if wrong or "--list" in sys.argv:
            print(f"{name} [{tier}] {case['name']}: {verdict}{' -- ' + wrong if wrong else ''}")
    for name in sorted(set(expected) - seen):
        print(f"{name}: on the list, but not in the data")
        failures += 1
    for tier in TIERS:
        print(f"{tier}: {passed[tier]} of {count[tier]} sent on, unambiguously; "
              f"{count[tier] - passed[tier]} refused")
    listed = sum(name in expected for name, case in cases(folder) if case["expected"]["tier"] == "Compliant")
    print(f"yardstick: {passed['Severe']}/{count['Severe']} severe forwarded; {passed['Compliant']}/"
          f"{count['Compliant']} compliant forwarded, the other {listed} refused with a reason on the written list")
    print(f"{failures} failures")
    return 1 if failures or not count["Severe"] or not count["Compliant"] else 0


if __name__ == "__main__":
    sys.exit(main())

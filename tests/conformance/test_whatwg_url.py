#!/usr/bin/env python3
"""Asks of every case of the URL Standard's own suite, in each place where a client could write it: is the
host that the gateway judges the host by the standard, or is it refused? And of what is sent on: does the
standard read the same host, port, path and query out of it that were judged?

Usage: test_whatwg_url.py TARGETS_PROGRAM [--list]
The data is found in $SALLYPORT_SHARED_DATA, or in shared/data beside the repository; exit status 77
(skipped) without it. test_whatwg_url.expected holds the floors and what is refused though it is valid.

Each case is asked as it stands (what a careless client writes) and, where the standard accepts it, in the
standard's own serialisation (what a careful one writes): the latter must pass but for the written list.
"""
import collections
import json
import os
import pathlib
import re
import subprocess
import sys
import urllib.parse

import url_standard

HERE = pathlib.Path(__file__).resolve().parent
SKIPPED = 77
SPECIAL = re.compile(r"[\x00-\x20]*https?:[/\\]{2}", re.I)

Question = collections.namedtuple("Question", "way text wanted careful")
Wanted = collections.namedtuple("Wanted", "host port path query")


def find_data():
    given = os.environ.get("SALLYPORT_SHARED_DATA")
    folder = pathlib.Path(given) if given else HERE.parents[1].parent / "shared" / "data"
    return folder / "whatwg-url" / "urltestdata.json"


def wanted_of(case):
    """What the standard says, None for a failure."""
    if case.get("failure"):
        return None
    scheme = case["protocol"][:-1]
    return Wanted(case["hostname"], int(case["port"] or url_standard.PORTS[scheme]), case["pathname"],
                  case["search"][1:])


def absolute(case):
    """Does the input name its own host, so that no base comes in?"""
    return SPECIAL.match(case["input"]) is not None


def careful(case):
    """The standard's serialisation without what no request carries (RFC 9110 4.2.4, RFC 9112 3.2)."""
    wanted, scheme = wanted_of(case), case["protocol"]
    yield Question("url", f"{scheme}//{case['host']}{case['pathname']}{case['search']}", wanted, True)
    yield Question("connect", f"{wanted.host}:{wanted.port}", wanted, True)
    yield Question("host", f"{wanted.host}:{wanted.port}", wanted, True)
    yield Question("path", case["pathname"] + case["search"], wanted, True)


def careless(case):
    text, wanted = case["input"], wanted_of(case)
    yield Question("url", text, wanted, False)
    match = re.match(r"[\x00-\x20]*https?:[/\\]{2}([^/\\?#]*)([^#]*)", text, re.I | re.S)
    if wanted and "@" in match[1]:
        wanted = wanted._replace(host=None)  # userinfo: no authority of HTTP has one
    written = re.search(r":[0-9]+$", match[1])
    yield Question("host", match[1], wanted, False)
    yield Question("connect", match[1] if written else f"{match[1]}:{wanted.port if wanted else 80}",
                   wanted, False)
    if wanted_of(case):
        yield Question("path", match[2], wanted, False)


def questions(cases):
    for case in cases:
        if not case.get("failure") and case["protocol"] in ("http:", "https:"):
            yield from careful(case)
        if absolute(case):
            yield from careless(case)
        else:
            # Another scheme, or a text that only a base makes a URL: nothing that names a host here.
            yield Question("url", case["input"], None, False)


def ask(program, asked):
    lines = "".join(f"{q.way} {q.text.encode('utf-8', 'surrogatepass').hex()}\n" for q in asked)
    out = subprocess.run([program], input=lines, text=True, capture_output=True, check=True, timeout=120)
    answers = out.stdout.splitlines()
    assert len(answers) == len(asked), "an answer for each question"
    return answers


def same_text(a, b):
    """Percent-encoding of what needs none, and the case of its digits, are one reading (RFC 3986 6.2.2)."""
    return [urllib.parse.unquote_to_bytes(part) for part in re.split("/|%2[fF]", a)] == \
        [urllib.parse.unquote_to_bytes(part) for part in re.split("/|%2[fF]", b)]


def same_host(judged, by_standard):
    """An address by its value; of a name the dot of the root apart (RFC 9110 4.2.3 knows one name)."""
    if ":" in judged:
        return url_standard.ipv6(judged) == by_standard
    return judged == (by_standard[:-1] if by_standard.endswith(".") else by_standard)


def ipv6_text(host):
    return f"[{host}]" if ":" in host else host


def what_differs(question, judged, sent):
    """None where judged, sent and standard are one."""
    host, port, target = judged
    path, _, query = target.partition("?")
    wanted = question.wanted
    if question.way != "path":
        if wanted.host is None or not same_host(host, wanted.host):
            return f"judged {host}, by the standard {wanted.host}"
        if question.way != "host" and int(port) != wanted.port:
            return f"judged port {port}, by the standard {wanted.port}"
    if question.way in ("url", "path"):
        if not same_text(path, wanted.path) or not same_text(query, wanted.query):
            return f"judged {target}, by the standard {wanted.path}?{wanted.query}"
    return None if sent is None else what_is_sent_differs(host, port, path, query, sent)


def what_is_sent_differs(host, port, path, query, sent):
    line, _, fields = sent.decode("ascii").partition("\r\n")
    authority = re.findall(r"^Host: (.*)\r$", fields, re.M)
    target = re.fullmatch(r"GET (/\S*) HTTP/1\.1", line)
    if len(authority) != 1 or not target:
        return f"sent {sent!r}"
    for scheme in ("http", "https"):
        url = url_standard.read(f"{scheme}://{authority[0]}{target[1]}")
        default = authority[0] == ipv6_text(host)  # no port: the scheme's, which no bytes tell
        if not same_host(host, url.host) or (not default and url.port != int(port)):
            return f"sent to {authority[0]}, judged {host} {port}"
        if not same_text(path, url.path) or not same_text(query, url.query or "") or \
                url.userinfo or url.fragment:
            return f"sent {target[1]}, judged {path}?{query}"
    return None


def read_expected():
    floors, listed = {}, {}
    for line in (HERE / "test_whatwg_url.expected").read_text().splitlines():
        if line.startswith("floor "):
            _, name, number = line.split()
            floors[name] = int(number)
        elif line and not line.startswith("#"):
            word, way, text = line.split(None, 2)
            listed[way, text] = word
    return floors, listed


def prove_the_reader(cases):
    """The second reader must say what the suite says of every case that it can read."""
    right, left_out = 0, 0
    for case in filter(absolute, cases):
        try:
            url = url_standard.read(case["input"])
            got = Wanted(url.host, url.port, url.path, url.query or "")
        except url_standard.Failure as why:
            got = None
            if "not ASCII" in str(why) and not case.get("failure"):
                left_out += 1
                continue
        assert got == wanted_of(case), f"the test's own reader: {case['input']!r} gave {got}"
        right += 1
    return right, left_out


class Tally:
    def __init__(self, listed):
        self.count, self.failures, self.listed, self.seen = collections.Counter(), [], listed, set()
        self.words = collections.Counter()

    def fail(self, question, what):
        self.failures.append(f"{question.way} {question.text!r}: {what}")

    def take(self, question, answer):
        kind, *rest = answer.split(" ")
        if kind == "refused":
            self.count["agree"] += 1
            if question.careful:
                self.take_refused(question, rest[0])
            return
        *judged, sent = rest if question.way != "connect" else rest + [None]
        sent = None if sent is None else bytes.fromhex(sent)
        if question.wanted is None:
            self.count["accepted though invalid"] += 1
            self.fail(question, f"judged {judged}, by the standard no URL")
            return
        wrong = what_differs(question, judged, sent)
        if wrong:
            self.count["false agreements"] += 1
            self.fail(question, wrong)
            return
        self.count["agree"] += 1
        self.count["passed"] += question.careful

    def take_refused(self, question, word):
        key = (question.way, question.text)
        self.words[word] += 1
        self.seen.add(key)
        if self.listed.get(key) != word:
            self.fail(question, f"refused {word}, valid, and not on the written list")


def prove_the_test():
    """A test that takes any answer would prove nothing."""
    sent = b"GET %s HTTP/1.1\r\nHost: %s\r\n\r\n"
    valid = Question("url", "", Wanted("a.example", 80, "/b", "q"), True)
    lies = (("a.example", "80", "/b?q", b"/b?q", b"a.example.org"), ("a.example", "80", "/b?q", b"/c?q", b"a.example"),
            ("a.example", "80", "/b?q", b"/b?q#", b"a.example"),
            ("a.example", "80", "/b?q", b"/b/../c?q", b"a.example"),
            ("a.example", "80", "/b?q", b"/b?q", b"u@a.example"), ("a.example", "80", "/b?q", b"/b?q", b"a.example:81"),
            ("b.example", "80", "/b?q", b"/b?q", b"b.example"), ("a.example", "81", "/b?q", b"/b?q", b"a.example:81"),
            ("a.example", "80", "/b", b"/b", b"a.example"), ("a.example", "80", "/B?q", b"/B?q", b"a.example"))
    assert what_differs(valid, lies[0][:3], sent % (b"/b?q", b"a.example")) is None
    for *judged, target, host in lies:
        assert what_differs(valid, judged, sent % (target, host)), (judged, target, host)
    tally = Tally({})
    tally.take(valid._replace(wanted=None), "judged a.example 80 / " + (sent % (b"/", b"a.example")).hex())
    tally.take(valid, "refused host")
    assert len(tally.failures) == 2


def main():
    data = find_data()
    if not data.exists():
        print(f"skipped: the URL Standard's cases are not at {data} (set SALLYPORT_SHARED_DATA)")
        return SKIPPED
    cases = [c for c in json.loads(data.read_text(encoding="utf-8")) if isinstance(c, dict)]
    right, left_out = prove_the_reader(cases)
    prove_the_test()
    asked = list(dict.fromkeys(questions(cases)))
    floors, listed = read_expected()
    tally = Tally(listed)
    for question, answer in zip(asked, ask(sys.argv[1], asked)):
        tally.take(question, answer)
        if "--list" in sys.argv:
            print(question.way, repr(question.text), answer[:100])
    for key in sorted(set(listed) - tally.seen):
        tally.failures.append(f"{key}: on the list, but not refused")
    valid = sum(q.careful for q in asked)
    figures = {"agree": tally.count["agree"], "passed": tally.count["passed"]}
    print(f"the test's own reader: {right}/{right} of the suite, {left_out} left out (IDNA)")
    print(f"whatwg-url: {figures['agree']}/{len(asked)} judged as the standard reads them, or refused; "
          f"{tally.count['false agreements']} false agreements, "
          f"{tally.count['accepted though invalid']} accepted though invalid")
    print(f"whatwg-url: {figures['passed']}/{valid} of what is valid and written as the standard writes it "
          f"pass; refused by word: {dict(tally.words)}")
    for name, floor in floors.items():
        if figures[name] < floor:
            tally.failures.append(f"{name}: {figures[name]}, less than {floor}")
    for failure in tally.failures:
        print(f"FAILED: {failure}")
    return 1 if tally.failures or set(floors) != set(figures) else 0


if __name__ == "__main__":
    sys.exit(main())

"""x509-limbo's cases that come with the server's key, each by a live handshake: an origin shows the chain, a rule's `ca` is its root."""
import gzip
import json
import os
import pathlib
import ssl

import pytest

pytestmark = [pytest.mark.once, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

HERE = pathlib.Path(__file__).resolve().parents[1] / "conformance"
GIVEN = os.environ.get("SALLYPORT_SHARED_DATA")
DATA = (pathlib.Path(GIVEN) if GIVEN else HERE.parents[1].parent / "shared" / "data") / "x509-limbo.json.gz"

# Valid by RFC 5280 and refused, live and offline: docs/certificates.md says why.
REFUSES = {"cve::cve-2024-0567", "pathlen::validation-ignores-pathlen-in-leaf", "rfc5280::ca-as-leaf"}
FLOOR = 130  # served; that many there were when this was written, and no fewer


def false_accepts():
    """The written list of the offline test, each with its reason: the same hold live."""
    lines = (HERE / "x509_limbo.expected").read_text().splitlines()
    return {line.split()[1] for line in lines if line.startswith("false-accept")}


def cases():
    for case in json.loads(gzip.open(DATA).read())["testcases"]:
        name = case["expected_peer_name"] or {}
        if (case["peer_certificate_key"] and case["validation_kind"] == "SERVER" and not case["crls"] and not case["validation_time"]
                and case["max_chain_depth"] is None and name.get("kind") == "DNS" and case["trusted_certs"]):
            yield case


def context(folder, number, case):
    """None where the server's own library cannot even load the chain."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.set_ciphers("DEFAULT:@SECLEVEL=0")
    path = folder / f"chain{number}.pem"
    path.write_text(case["peer_certificate"] + "\n" + "\n".join(case["untrusted_intermediates"]) + "\n" + case["peer_certificate_key"])
    try:
        made.load_cert_chain(path)
    except ssl.SSLError:
        return None
    return made


@pytest.mark.skipif(not DATA.exists(), reason=f"{DATA} is not there (set SALLYPORT_SHARED_DATA)")
def test_limbo_live(sally, origin, nameserver, capsys):
    folder = sally.base / "limbo"
    folder.mkdir()
    served, rules, urls, unreadable = [], [], [], []
    for number, case in enumerate(cases()):
        tls, host = context(folder, number, case), case["expected_peer_name"]["value"]
        if tls is None:
            continue
        root = sally.write(f"root{number}.pem", "\n".join(case["trusted_certs"]) + "\n")
        if sally.verb("rules", "check", sally.write("one.rules", f"allow GET {host} ca {root}\n")).status != 0:
            unreadable.append(case)  # a root that cannot be read is told at the start: nothing runs
            continue
        nameserver.names[host] = ["127.0.0.1"]
        web = origin(tls=tls)
        served.append(case)
        rules.append(f"allow GET {host}:{web.port}/{number} private ca root{number}.pem")
        urls.append(f"https://{host}:{web.port}/{number}")
    result = sally.run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}\n", "--parallel-max", "1", *urls[:1],
                       *[word for url in urls[1:] for word in ("-o", "/dev/null", url)], rules="\n".join(rules), timeout=120)
    codes = result.out.split()
    assert len(codes) == len(served), result.err[-2000:]
    wrong = [f"refuses {case['id']} (its root)" for case in unreadable if case["expected_result"] == "SUCCESS"]
    accepts, agree = false_accepts(), len(unreadable) - len(wrong)
    for case, code in zip(served, codes):
        accepted, wanted = code == "200", case["expected_result"] == "SUCCESS"
        agree += accepted == wanted
        if accepted and not wanted and case["id"] not in accepts:
            wrong.append(f"accepts {case['id']}")
        elif wanted and not accepted and case["id"] not in REFUSES:
            wrong.append(f"refuses {case['id']} ({code})")
    with capsys.disabled():
        print(f"\nx509-limbo, live: {agree}/{len(served) + len(unreadable)} agree")
        print("\n".join(wrong))
    assert len(served) >= FLOOR and not wrong, "\n".join(wrong)

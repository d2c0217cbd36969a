"""Origins' chains with one fault each, by live handshakes: what is refused, by which word, and what a rule relaxes for one host."""
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from harness import chains
from harness.chains import make

pytestmark = [pytest.mark.once, pytest.mark.filterwarnings("ignore::DeprecationWarning"),
              pytest.mark.filterwarnings("ignore:(SHA1|MD5) signatures are deprecated")]

WORDS = ["expired", "name", "untrusted", "weak", "staple"]


@pytest.fixture(scope="module")
def root():
    return make("Root", ca=True)


@pytest.fixture(scope="module")
def stranger():
    return make("Stranger", ca=True)


@pytest.fixture
def folder(sally):
    path = sally.base / "chains"
    path.mkdir()
    return path


@pytest.fixture
def ask(sally, origin, root, folder):
    """ask({host: origin}, {host: conditions}) -> {host: (status, what was said, its records)}: all in one run."""
    sally.upstream_ca = folder / "root.pem"
    sally.upstream_ca.write_text(root.pem)

    def run(webs, conditions=None):
        rules = "\n".join(f"allow GET {host}:{web.port}/** private {(conditions or {}).get(host, '')}" for host, web in webs.items())
        urls = [f"https://{host}:{web.port}/{host}" for host, web in webs.items()]
        result = sally.run("curl", "-sS", "-w", "%{http_code}=====", *urls, rules=rules, timeout=60)
        said = dict(zip(webs, result.out.split("=====")))
        return {host: (said[host][-3:], said[host][:-3], [r for r in result.records if r.get("host") == host and r["kind"] in ("intent", "outcome")])
                for host in webs}
    return run


def names(permitted=None, excluded=None):
    wrap = lambda these: [x509.DNSName(name) for name in these] if these else None  # noqa: E731
    return x509.NameConstraints(wrap(permitted), wrap(excluded))


def faults(root, stranger):
    """name -> (leaf, other certificates shown or None for all, word or None for good). The host is NAME.test."""
    found = {}

    def leaf(name, word, issuer=root, chain=None, **changes):
        changes.setdefault("san", [f"{name}.test"])
        found[name] = (make(f"{name}.test", issuer, **changes), chain, word)

    def below(name, word, leaf_changes=None, **changes):
        """By an intermediate that is special."""
        leaf(name, word, issuer=make(f"CA of {name}", changes.pop("issuer", root), ca=changes.pop("ca", True), **changes), **(leaf_changes or {}))

    leaf("good", None)
    below("intermediate", None)
    leaf("rsa", None, key="rsa2048")
    leaf("wildcard.one", None, san=["*.one.test"])
    leaf("no-usage", None, usage=None)

    leaf("expired", "expired", days=(-10, -1))
    leaf("not-yet", "expired", days=(2, 20))
    below("expired-ca", "expired", days=(-10, -1))
    leaf("other-name", "name", san=["elsewhere.test"])
    leaf("name-of-parent", "name", san=["test"])
    leaf("cn-only", "name", san=())
    leaf("wild.two.deep", "name", san=["*.deep.test"])
    leaf("top-wildcard", "name", san=["*.test"])
    leaf("v1", "usage", v1=True)
    leaf("ca-as-leaf", "usage", ca=True)
    leaf("client-usage", "usage", usage=chains.CLIENT)
    leaf("any-usage", "usage", usage=chains.ANY)
    leaf("no-signing", "usage", sign=False)
    below("client-usage-ca", "usage", usage=chains.CLIENT)
    below("no-ca", "usage", ca=False)
    below("no-basic", "usage", basic=False)
    below("permitted", None, constraints=names(["permitted.test"]))
    below("not-permitted", "constraint", constraints=names(["elsewhere.test"]))
    below("excluded", "constraint", constraints=names(None, ["excluded.test"]))
    narrow = make("Narrow", root, ca=True, path_len=0)
    below("path-length", "constraint", issuer=narrow)
    leaf("rsa1024", "weak", key="rsa1024")
    below("rsa1024-ca", "weak", key="rsa1024")
    leaf("sha1", "weak", hash=hashes.SHA1())
    below("md5", "weak", key="rsa2048", leaf_changes={"hash": hashes.MD5()})
    leaf("brainpool", "weak", key="brainpool")
    for curve in ("p224", "p192", "k1"):
        leaf(curve, "tls-alert", key=curve)  # not among the groups offered: the origin itself gives up
    leaf("self-signed", "chain", issuer=None)
    leaf("unknown-root", "chain", issuer=make("CA of a stranger", stranger, ca=True))
    leaf("root-of-that-name", "chain", issuer=make("Root", ca=True))
    below("incomplete", "chain")
    found["incomplete"] = (found["incomplete"][0], [found["incomplete"][0]], "chain")
    leaf("not-signed", "chain", signed_by=stranger.key)
    leaf("staple", "staple", extra=[chains.MUST_STAPLE])
    below("staple-ca", "staple", extra=[chains.MUST_STAPLE])
    leaf("critical", "form", extra=[chains.UNKNOWN])
    below("critical-ca", "form", extra=[chains.UNKNOWN])
    return found


def test_each_fault(ask, origin, root, stranger, folder, capsys):
    wanted = faults(root, stranger)
    webs = {f"{name}.test": origin(tls=chains.context(folder, leaf, chain)) for name, (leaf, chain, _) in wanted.items()}
    seen = ask(webs)
    wrong = []
    for name, (_, _, word) in wanted.items():
        status, said, records = seen[f"{name}.test"]
        end = records[-1]["end"]
        good = (status, end) == ("200", "complete") if word is None else \
            (status, end) == ("502", word) and f"({word})" in said and webs[f"{name}.test"].requests == []
        if not good:
            wrong.append(f"{name}: wanted {word or 'to pass'}, got {status} {end}: {said}")
    with capsys.disabled():
        print(f"\nlive chains: {len(wanted) - len(wrong)}/{len(wanted)} as they should be")
    assert not wrong, "\n".join(wrong)


def relaxable(root, stranger):
    """name -> (leaf, others shown, the words by which it passes). Any host below NAME.test."""
    def leaf(name, issuer=root, **changes):
        changes.setdefault("san", [f"*.{name}.test"])
        return make(f"{name}.test", issuer, **changes)

    old = make("Old CA", root, ca=True, days=(-10, -1))
    missing = leaf("missing", make("Missing CA", root, ca=True))
    return {
        "expired": (leaf("expired", days=(-10, -1)), None, {"expired"}),
        "not-yet": (leaf("not-yet", days=(2, 20)), None, {"expired"}),
        "old-ca": (leaf("old-ca", old), None, {"expired", "untrusted"}),  # untrusted: no path, so nobody asks its CA
        "other": (leaf("other", san=["elsewhere.test"]), None, {"name"}),
        "cn-only": (leaf("cn-only", san=()), None, {"name"}),
        "self-signed": (leaf("self-signed", None), None, {"untrusted"}),
        "unknown": (leaf("unknown", stranger), None, {"untrusted"}),
        "missing": (missing, [missing], {"untrusted"}),
        "rsa1024": (leaf("rsa1024", key="rsa1024"), None, {"weak"}),
        "sha1": (leaf("sha1", hash=hashes.SHA1()), None, {"weak", "untrusted"}),
        "staple": (leaf("staple", extra=[chains.MUST_STAPLE]), None, {"staple"}),
    }


def test_a_rule_relaxes_one_check_for_one_host(ask, origin, root, stranger, folder):
    """Each word on each fault, and beside them hosts of the same origins for which no rule relaxes anything."""
    made = relaxable(root, stranger)
    ports = {name: origin(tls=chains.context(folder, leaf, chain)) for name, (leaf, chain, _) in made.items()}
    webs = {f"{word}.{name}.test": ports[name] for name in made for word in [*WORDS, "strict"]}
    seen = ask(webs, {host: f"insecure {host.split('.')[0]}" for host in webs if not host.startswith("strict")})
    for name, (_, _, words) in made.items():
        strict_status, strict_said, strict_records = seen[f"strict.{name}.test"]
        assert strict_status == "502" and not any("relaxed" in r for r in strict_records), (name, strict_said)
        check = strict_records[-1]["end"]
        assert f"({check})" in strict_said and check in ("expired", "name", "chain", "weak", "staple")
        for word in WORDS:
            status, said, records = seen[f"{word}.{name}.test"]
            assert [r["relaxed"] for r in records] == [word, word], (name, word)
            assert (status, records[-1]["end"]) == (("200", "complete") if word in words else ("502", check)), (name, word, said)


def test_what_no_word_relaxes(ask, origin, root, folder):
    made = {"v1": make("v1.test", root, san=["v1.test"], v1=True), "ca": make("ca.test", root, san=["ca.test"], ca=True),
            "client": make("client.test", root, san=["client.test"], usage=chains.CLIENT),
            "curve": make("curve.test", root, san=["curve.test"], key="brainpool"),
            "critical": make("critical.test", root, san=["critical.test"], extra=[chains.UNKNOWN])}
    webs = {f"{name}.test": origin(tls=chains.context(folder, leaf)) for name, leaf in made.items()}
    seen = ask(webs, {host: " ".join(f"insecure {word}" for word in WORDS) for host in webs})
    assert {host: (status, records[-1]["end"]) for host, (status, _, records) in seen.items()} == {
        "v1.test": ("502", "usage"), "ca.test": ("502", "usage"), "client.test": ("502", "usage"), "curve.test": ("502", "weak"),
        "critical.test": ("502", "form")}
    assert {r["relaxed"] for _, _, records in seen.values() for r in records} == {",".join(WORDS)}


# RFC 2409, group 2: 1024 bits.
DH = """-----BEGIN DH PARAMETERS-----
MIGHAoGBAP//////////yQ/aoiFowjTExmKLgNwc0SkCTgiKZ8x0Agu+pjsTmyJR
Sgh5jjQE3e+VGbPNOkMbMCsKbfJfFDdP4TVtbVHCReSFtXZiXn7G9ExC6aY37WsL
/1y29Aa37e44a/taiZ+lrp8kEXxLH+ZJKGZR7OZTgf//////////AgEC
-----END DH PARAMETERS-----
"""


def test_weak_handshakes(ask, origin, root, folder):
    """What the origin wants is not offered, and no word offers it: nothing is asked of it."""
    dh = folder / "dh.pem"
    dh.write_text(DH)
    wanted = {"cbc": "ECDHE-RSA-AES128-SHA256", "cbc-ecdsa": "ECDHE-ECDSA-AES256-SHA", "static-rsa": "AES128-GCM-SHA256",
              "static-rsa-cbc": "AES256-SHA", "dh1024": "DHE-RSA-AES128-GCM-SHA256", "p192": "ECDHE-RSA-AES128-GCM-SHA256",
              "p224": "ECDHE-RSA-AES128-GCM-SHA256", "good-rsa": "ECDHE-RSA-AES128-GCM-SHA256", "good-ecdsa": "ECDHE-ECDSA-AES256-GCM-SHA384"}
    webs = {}
    for name, cipher in wanted.items():
        leaf = make(f"{name}.test", root, san=[f"{name}.test"], key="p256" if "ECDSA" in cipher else "rsa2048")
        tls = chains.context(folder, leaf, ciphers=f"{cipher}:@SECLEVEL=0", highest=ssl.TLSVersion.TLSv1_2)
        if "DHE-RSA" in cipher and cipher.startswith("DHE"):
            tls.load_dh_params(dh)
        if name in ("p192", "p224"):
            tls.set_ecdh_curve({"p192": "prime192v1", "p224": "secp224r1"}[name])
        webs[f"{name}.test"] = origin(tls=tls)
    seen = ask(webs, {host: "insecure weak" for host in webs})
    assert {host: (status, records[-1]["end"]) for host, (status, _, records) in seen.items()} == {
        host: ("200", "complete") if host.startswith("good") else ("502", "tls-alert") for host in webs}
    assert all(web.requests == [] for host, web in webs.items() if not host.startswith("good"))

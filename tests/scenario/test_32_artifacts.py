"""What was downloaded, held against lock files; a record judged again by other rules."""
import base64
import hashlib
import io
import json
import re
import zipfile

import pytest

from harness.made_record import MadeRecord

pytestmark = pytest.mark.once

GOOD, BAD = hashlib.sha256(b"good").hexdigest(), hashlib.sha256(b"bad").hexdigest()


@pytest.fixture
def made(sally):
    return MadeRecord(sally.base / "made")


def artifacts(sally, *words, status=0):
    result = sally.verb("log", "artifacts", *words)
    assert result.status == status, result
    return result.out


def checked(sally, folder, lock, status=0):
    """{last part of the URL: word}, and the sum."""
    lines = artifacts(sally, "--check", lock, folder, status=status).splitlines()
    return {re.search(r"([^/ ]+)(  \[|$)", line[19:]).group(1): line[:18].strip() for line in lines[:-1]}, lines[-1]


def test_what_came_whole_is_listed(sally, made):
    made.request(path="/f.zip", body=GOOD, got=4)
    made.request(path="/post", body=GOOD, method="POST")
    made.request(path="/part", body=GOOD, end="client-lost")
    made.request(path="/none", body=GOOD, status=404)
    made.request(path="/empty")
    made.request(path="/no", verdict="deny", status=403)
    made.request(host="b.test", path="/dir/", body=BAD, response_headers=[["content-encoding", "gzip"]])
    folder = made.write()
    lines = artifacts(sally, folder).splitlines()[1:]
    assert [line.split() for line in lines] == [[GOOD, "4", made.records[0]["run"], "1", "https://a.test/f.zip"],
                                                [BAD, "5", made.records[0]["run"], "7", "https://b.test/dir/"]]
    listed = json.loads(artifacts(sally, "--format", "json", folder))["artifacts"]
    assert [(a["sha256"], a["bytes"], a["request"], a["encoded"]) for a in listed] == [(GOOD, 4, 1, False), (BAD, 5, 7, True)]
    assert len(artifacts(sally, "--host", "b.test", folder).splitlines()) == 2


def test_cyclonedx(sally, made):
    made.request(path="/a/f.zip", body=GOOD)
    bom = json.loads(artifacts(sally, "--format", "cyclonedx", made.write()))
    assert (bom["bomFormat"], bom["specVersion"], bom["version"]) == ("CycloneDX", "1.5", 1)
    [component] = bom["components"]
    assert component["type"] == "file" and component["name"] == "f.zip"
    assert component["hashes"] == [{"alg": "SHA-256", "content": GOOD}]
    assert component["externalReferences"] == [{"type": "distribution", "url": "https://a.test/a/f.zip"}]


def test_pip(sally, made):
    made.request(path="/packages/aa/zope.interface-6.1-cp311-linux.whl", body=GOOD)
    made.request(path="/packages/bb/requests-2.31.0.tar.gz", body=BAD)
    made.request(path="/packages/cc/requests_toolbelt-1.0.0.tar.gz", body=BAD)
    lock = sally.write("requirements-dev.txt", f"""# locked
Zope_Interface==6.1 ; python_version >= "3" \\
    --hash=sha256:{BAD[::-1]} \\
    --hash=sha256:{GOOD}
requests[socks]==2.31.0 --hash=sha256:{GOOD[::-1]}
absent==1 --hash=sha256:{"a" * 64}
""")
    assert checked(sally, made.write(), lock, status=1) == ({"zope.interface-6.1-cp311-linux.whl": "matches", "requests-2.31.0.tar.gz": "differs",
                                                    "requests_toolbelt-1.0.0.tar.gz": "unlisted"},
                                                   "1 match, 1 differ, 0 cannot be compared, 1 unlisted; 1 digests of the lock files were not downloaded")


def test_cargo(sally, made):
    for path, digest in [("/crates/serde/serde-1.0.1.crate", GOOD), ("/api/v1/crates/libc/0.2.0/download", BAD), ("/config.json", BAD)]:
        made.request(path=path, body=digest)
    lock = sally.write("Cargo.lock", "".join(f'[[package]]\nname = "{name}"\nversion = "{version}"\nsource = "registry+x"\nchecksum = "{GOOD}"\n\n'
                                             for name, version in [("serde", "1.0.1"), ("libc", "0.2.0")]))
    found, _ = checked(sally, made.write(), lock, status=1)
    assert found == {"serde-1.0.1.crate": "matches", "download": "matches" if GOOD == BAD else "differs", "config.json": "unlisted"}


def test_go(sally, made):
    made.request(path="/example.com/!acme/mod/@v/v1.2.3.mod", body=GOOD)
    made.request(path="/example.com/other/@v/v1.0.0.mod", body=BAD)
    made.request(path="/example.com/!acme/mod/@v/v1.2.3.zip", body=BAD)
    made.request(path="/example.com/!acme/mod/@v/list", body=BAD)
    h1 = "h1:" + base64.b64encode(hashlib.sha256(f"{GOOD}  go.mod\n".encode()).digest()).decode()
    lock = sally.write("go.sum", f"example.com/Acme/mod v1.2.3 {h1}\nexample.com/Acme/mod v1.2.3/go.mod {h1}\nexample.com/other v1.0.0/go.mod {h1}\n")
    found, _ = checked(sally, made.write(), lock, status=1)
    assert found == {"v1.2.3.mod": "matches", "v1.0.0.mod": "differs", "v1.2.3.zip": "cannot be compared", "list": "unlisted"}


def module_zip(files, compression=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as packed:
        for name, data in files:
            packed.writestr(name, data)
    return out.getvalue()


def go_sum(files):
    lines = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files))
    return "h1:" + base64.b64encode(hashlib.sha256(lines.encode()).digest()).decode()


MODULE = [("example.com/mod@v1.0.0/z.go", b"package z\n" * 9000), ("example.com/mod@v1.0.0/LICENSE", b""), ("example.com/mod@v1.0.0/a/b.go", b"package b\n")]


def go_checked(sally, made, *bodies, listed=go_sum(MODULE), stored=None):
    """What the sum of MODULE says of each of these bodies; `stored`: what lies under their names instead."""
    store = made.folder / "bodies"
    store.mkdir(parents=True)
    for n, body in enumerate(bodies):
        name = hashlib.sha256(body).hexdigest()
        made.request(path=f"/{n}/example.com/mod/@v/v1.0.0.zip", body=name)
        (store / name).write_bytes(body if stored is None else stored)
    lock = sally.write("go.sum", f"example.com/mod v1.0.0 {listed}\n")
    result = sally.verb("log", "artifacts", "--check", lock, made.write())
    assert result.status in (0, 1), result
    return [line[:18].strip() for line in result.out.splitlines()[:-1]]


def test_go_zips_whose_bodies_were_stored(sally, made):
    other = module_zip([*MODULE[:2], ("example.com/mod@v1.0.0/a/b.go", b"package evil\n")])
    assert go_checked(sally, made, module_zip(MODULE), module_zip(MODULE[::-1], zipfile.ZIP_STORED), other) == ["matches", "matches", "differs"]


def test_a_sum_over_a_real_module():
    """The value is go's own, of a module with these two files (cmd/go, `go mod download -json`)."""
    files = [("m.example/two@v0.1.0/go.mod", b"module m.example/two\n"), ("m.example/two@v0.1.0/two.go", b"package two\n")]
    assert go_sum(files) == "h1:Lc7FO7YvpzVG8inZzqDA3DcV9JDb2SJa3nZ27NFmSvE="


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_go_zips_that_cannot_be_compared(sally, made):
    good = module_zip(MODULE)
    broken = module_zip(MODULE, zipfile.ZIP_STORED).replace(b"package b", b"package c", 1)  # its CRC says so
    bodies = [b"", b"no zip", good[:-30], broken, module_zip([*MODULE, MODULE[1]]), module_zip([("a\nb", b"")]), module_zip([("x" * 5000, b"")])]
    assert go_checked(sally, made, *bodies) == ["cannot be compared"] * len(bodies)


def test_a_zip_that_unpacks_to_more_than_go_takes(sally, made):
    bomb = [("example.com/mod@v1.0.0/zeros", bytes((500 << 20) + 1))]
    assert go_checked(sally, made, module_zip(bomb), listed=go_sum(bomb)) == ["cannot be compared"]


def test_a_stored_body_that_is_another_one(sally, made):
    assert go_checked(sally, made, b"was this", stored=module_zip(MODULE)) == ["cannot be compared"]


@pytest.mark.parametrize("version", [1, 2, 3])
def test_npm_against_a_real_run(sally, origin, version):
    """Its lock files name SHA-512, which is on record for what ends as its packages do."""
    content = {"/left/-/left-1.0.0.tgz": b"left", "/@s/right/-/right-2.0.0.tgz": b"right", "/left": b"{}", "/@t/left/-/left-1.0.0.tgz": b"other"}
    web = origin(lambda conn: conn.reply(200, content[conn.request.target]))
    base = f"https://origin.test:{web.port}"
    result = sally.run("curl", "-s", *[base + path for path in content], rules=f"allow GET {base}/** private")

    def locked(name, path, data):
        return {"version": path.split("-")[-1][:5], "resolved": f"https://registry.example{path}",
                "integrity": "sha512-" + base64.b64encode(hashlib.sha512(data).digest()).decode()}
    packages = {"left": locked("left", "/left/-/left-1.0.0.tgz", b"left"), "@s/right": locked("@s/right", "/@s/right/-/right-2.0.0.tgz", b"wrong")}
    lock = {"name": "x", "lockfileVersion": version}
    if version > 1:
        lock["packages"] = {"": {"name": "x"}, **{f"node_modules/{name}": p for name, p in packages.items()}}
    if version < 3:
        lock["dependencies"] = {"left": {**packages["left"], "dependencies": {"@s/right": packages["@s/right"]}}}
    path = sally.write("package-lock.json", json.dumps(lock))
    out = artifacts(sally, "--check", path, result.record, status=1)
    words = [line[:18].strip() for line in out.splitlines()[:-1]]
    assert words == ["matches", "differs", "unlisted", "unlisted"], out


def test_an_encoded_body_is_not_the_file(sally, made):
    made.request(path="/crates/serde/serde-1.0.1.crate", body=BAD, response_headers=[["Content-Encoding", "gzip"]])
    lock = sally.write("Cargo.lock", f'[[package]]\nname = "serde"\nversion = "1.0.1"\nchecksum = "{GOOD}"\n')
    assert checked(sally, made.write(), lock)[0] == {"serde-1.0.1.crate": "cannot be compared"}


@pytest.mark.parametrize("name, text", [("package-lock.json", "no json"), ("package-lock.json", "{}"), ("Cargo.lock", "x"), ("go.sum", "one"),
                                        ("yarn.lock", "x")])
def test_what_is_no_lock_file(sally, made, name, text):
    made.request(path="/f", body=GOOD)
    result = sally.verb("log", "artifacts", "--check", sally.write(name, text), made.write())
    assert result.status == 125 and name in result.err, result


# ---- replay

@pytest.fixture
def judged(made):
    made.request(path="/pkg", reason="allowed")
    made.request(path="/new", verdict="deny", status=403)
    made.request(path="/typed", method="POST", sent=3, request_headers=[["Content-Type", "text/plain"], ["Content-Length", "3"]])
    made.request(path="/odd", verdict="deny", status=400, reason="host")
    made.request(host="db.test", scheme="tcp", port=5432, verdict="tunnel")
    made.add("dns", way="dns", host="later.test", verdict="deny", reason="no-rule", detail="A")
    return made.write()


@pytest.mark.parametrize("rules, flips, total", [
    ("allow GET a.test/pkg\nallow POST a.test/typed\ntunnel db.test:5432\n", [], "5 judged: 0 opened, 0 closed, 0 otherwise; 1"),
    ("allow * a.test/**\ntunnel db.test:5432\n", ["+ 2 GET https://a.test/new"], "5 judged: 1 opened, 0 closed, 0 otherwise; 1"),
    ("allow GET a.test/**\nallow * later.test\ntunnel db.test:5432\ndeny GET a.test/pkg\n",
     ["- 0 GET https://a.test/pkg", "+ 2 GET https://a.test/new", "- 3 POST https://a.test/typed", "+ 8 name later.test"], "5 judged: 2 opened, 2 closed"),
    ("allow POST a.test/** header Content-Type=text/plain body<=2B\nallow GET a.test/pkg\nallow * https://db.test:5432/**\n",
     ["- 3 POST https://a.test/typed", "~ 6 TCP db.test:5432"], "5 judged: 0 opened, 1 closed, 1 otherwise"),
])
def test_replay(sally, judged, rules, flips, total):
    result = sally.verb("rules", "replay", judged, "--rules", sally.write("new.rules", rules))
    lines = result.out.splitlines()
    assert result.status == (1 if flips else 0), result
    assert [line.split("  was ")[0] for line in lines[:-1]] == flips, result
    assert lines[-1].startswith(total), result


def test_replay_says_both_statements(sally, judged):
    result = sally.verb("rules", "replay", "--rules", sally.write("new.rules", "deny GET a.test/pkg\nallow * a.test/**\ntunnel db.test:5432\n"), judged)
    assert re.search(r"- 0 .*  was allow \(x.rules:1\), is deny \(.*new.rules:1\)", result.out), result


def test_replay_of_a_real_run_with_its_own_rules_flips_nothing(sally, origin):
    web = origin(lambda conn: (conn.body(), conn.reply(200, b"fine")))
    base = f"https://origin.test:{web.port}"
    rules = f"allow GET {base}/a/** private\nallow POST {base}/b private body<=10B\n"
    result = sally.run("sh", "-c", f"curl -s {base}/a/1 {base}/c http://other.test/; curl -s -d 12345678901 {base}/b; curl -s -d 1 {base}/b; "
                       f"curl -s --proxy '' {base}/a/2 https://nowhere.test/; true", rules=rules)
    again = sally.verb("rules", "replay", result.record, "--rules", sally.write("same.rules", rules))
    assert again.status == 0 and " 0 opened, 0 closed, 0 otherwise" in again.out, again
    none = sally.verb("rules", "replay", result.record, "--rules", sally.write("none.rules", "deny * **.test\n"))
    assert none.status == 1 and len(re.findall("^- ", none.out, re.M)) >= 3, none


def test_bad_rules_and_bad_folders(sally, judged):
    assert "bad.rules:1" in sally.verb("rules", "replay", judged, "--rules", sally.write("bad.rules", "allow\n")).err
    assert "/nonexistent" in sally.verb("rules", "replay", "/nonexistent", "--rules", sally.write("new.rules", "")).err

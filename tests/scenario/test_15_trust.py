"""What clients find in the jail: proxy settings, roots of trust, and nothing of the user's that leads outside."""
import base64
import hashlib
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess

import pytest

from harness.ca import CA

REPLACING = ["SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "GIT_SSL_CAINFO", "CARGO_HTTP_CAINFO",
             "AWS_CA_BUNDLE"]
ADDING = ["NODE_EXTRA_CA_CERTS", "DENO_CERT"]


def environment(sally, env=None, **keys):
    result = sally.run("/usr/bin/python3", "-c", "import json, os; print(json.dumps(dict(os.environ)))", env=env, **keys)
    assert result.status == 0, result
    return json.loads(result.out)


def certificates(text):
    return {block.split("-----END")[0].strip() for block in text.split("-----BEGIN CERTIFICATE-----")[1:]}


def own_ca(sally, name):
    """Roots that the user had set before, in a place of theirs."""
    made = CA(sally.home / name, name)
    shutil.chown(made.folder, sally.user.uid, sally.user.gid)
    return made.pem


def test_settings(sally):
    env = environment(sally, {"HTTPS_PROXY": "http://user:secret@proxy.example:3128", "NO_PROXY": "*.corp.example",
                              "SSH_AUTH_SOCK": "/tmp/agent", "DOCKER_HOST": "unix:///run/docker.sock",
                              "DBUS_SESSION_BUS_ADDRESS": "unix:path=/run/bus", "MINE": "kept"})
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        assert env[name] == "http://127.0.0.1:3128"
    assert env["NO_PROXY"] == env["no_proxy"] == "localhost,127.0.0.1,::1"
    assert env["NODE_USE_ENV_PROXY"] == "1"
    assert not {"SSH_AUTH_SOCK", "DOCKER_HOST", "DBUS_SESSION_BUS_ADDRESS"} & env.keys()
    assert env["MINE"] == "kept"
    assert "secret" not in json.dumps(env)  # no proxy's password goes in
    assert {env[name] for name in REPLACING} == {"/run/sallyport/bundle.pem"}
    assert {env[name] for name in ADDING} == {"/run/sallyport/ca.pem"}


def test_roots_are_merged_not_lost(sally):
    replaced, added = own_ca(sally, "replaced"), own_ca(sally, "added")
    result = sally.run("sh", "-c", "cat /run/sallyport/bundle.pem; echo =====; cat /run/sallyport/ca.pem; echo =====; "
                                   "cat /etc/ssl/certs/ca-certificates.crt",
                       env={"SSL_CERT_FILE": str(replaced), "NODE_EXTRA_CA_CERTS": str(added)})
    bundle, ca, system = map(certificates, result.out.split("====="))
    with open("/etc/ssl/certs/ca-certificates.crt") as file:
        roots = certificates(file.read())
    theirs, more = certificates(replaced.read_text()), certificates(added.read_text())
    assert roots | theirs | more < bundle
    run_ca = bundle - roots - theirs - more
    assert len(run_ca) == 1
    assert ca == more | run_ca
    assert system == bundle


def test_no_password_of_a_proxy_goes_in(sally):
    """Whatever a client calls its proxy; what only sounds like one stays."""
    secret = "http://user:s3cret@proxy.example:3128"
    names = ["HTTP_PROXY", "https_proxy", "ALL_PROXY", "FTP_PROXY", "npm_config_proxy", "NPM_CONFIG_HTTPS_PROXY", "PIP_PROXY",
             "GLOBAL_AGENT_HTTPS_PROXY", "CARGO_HTTP_PROXY", "YARN_HTTPS_PROXY", "CLOUDSDK_PROXY_PASSWORD", "PROXY_USER"]
    java = "-Xmx64m -Dhttps.proxyHost=proxy.example -Dhttps.proxyUser=user -Dhttps.proxyPassword=s3cret -Dx=y"
    env = environment(sally, {**dict.fromkeys(names, secret), "MAVEN_OPTS": java, "GOPROXY": "https://modules.example",
                              "npm_config_noproxy": "*"})
    assert "s3cret" not in json.dumps(env)
    assert env["MAVEN_OPTS"] == "-Xmx64m -Dx=y"
    assert env["GOPROXY"] == "https://modules.example"
    assert "npm_config_noproxy" not in env


def bundles(sally, env):
    result = sally.run("sh", "-c", "cat /run/sallyport/bundle.pem; echo =====; cat /run/sallyport/ca.pem", env=env)
    return [(certificates(text), text) for text in result.out.split("=====")]


@pytest.mark.parametrize("name", REPLACING + ["npm_config_cafile", "BUNDLE_SSL_CA_CERT", "CONDA_SSL_VERIFY"])
def test_roots_of_each_variable_are_kept(sally, name):
    made = own_ca(sally, "kept")
    (bundle, _), _ = bundles(sally, {name: str(made)})
    assert certificates(made.read_text()) < bundle


def test_folders_of_roots_are_kept(sally):
    folder = sally.home / "roots"
    folder.mkdir()
    first, second = own_ca(sally, "first"), own_ca(sally, "second")
    shutil.copy(first, folder / "first.pem")
    os.mkfifo(folder / "waits-for-ever")
    (folder / "README").write_text("none\n")
    env = {"SSL_CERT_DIR": f"/nonexistent:{folder}:{second.parent}", "CONDA_SSL_VERIFY": "true"}
    (bundle, _), _ = bundles(sally, env)
    assert certificates(first.read_text()) | certificates(second.read_text()) < bundle
    (bundle, _), _ = bundles(sally, {"REQUESTS_CA_BUNDLE": str(folder)})
    assert certificates(first.read_text()) < bundle


def test_of_the_users_files_only_certificates_go_in(sally):
    made = own_ca(sally, "with-key")
    made.write_text("words\n" + made.read_text() + "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n")
    for name in ("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"):
        for _, text in bundles(sally, {name: str(made)}):
            assert "PRIVATE" not in text and "c2VjcmV0" not in text and "words" not in text
    (bundle, _), _ = bundles(sally, {"SSL_CERT_FILE": str(made)})
    assert certificates(made.read_text().split("-----BEGIN PRIVATE")[0]) < bundle


def test_a_relative_path_is_the_users_too(sally):
    made = own_ca(sally, "relative")
    sally.write("roots.pem", made.read_text())
    (bundle, _), (ca, _) = bundles(sally, {"NODE_EXTRA_CA_CERTS": "roots.pem"})
    assert certificates(made.read_text()) < bundle and certificates(made.read_text()) < ca


def test_a_crash_of_the_gateway_leaves_no_key_behind(sally):
    """No core file, and no program that a core is piped to: core(5) treats the limit 1 as that."""
    run = sally.start("sh", "-c", "echo ready; read line", stdin=subprocess.PIPE)
    assert run.process.stdout.readline() == "ready\n"
    with open(f"/proc/{run.gateway_pid()}/limits") as limits:
        line = next(line for line in limits if line.startswith("Max core file size"))
    assert line.split()[4:6] in (["1", "1"], ["0", "0"]), line
    assert run.finish(input="\n").status == 0


def test_roots_of_the_user_are_not_believed_about_origins(sally, origin, base):
    """What a client trusts and whom the gateway trusts are two things: --upstream-ca says the second."""
    stranger = CA(base / "stranger-of-user", "stranger")
    web = origin(tls=stranger.server_context("origin.test"))
    result = sally.run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", f"https://origin.test:{web.port}/",
                       rules=f"allow GET origin.test:{web.port}/** private", env={"SSL_CERT_FILE": str(stranger.pem)})
    assert result.out == "502", result


def test_each_run_has_a_ca_of_its_own_and_leaves_no_key(sally, origin):
    web = origin()
    seen = set()
    for _ in range(2):
        result = sally.run("sh", "-c", f"curl -sS -o /dev/null https://origin.test:{web.port}/; "
                                       "openssl x509 -noout -fingerprint -in /run/sallyport/ca.pem; "
                                       "grep -rIlsE 'BEGIN( EC)? PRIVATE' /run/sallyport /tmp /dev/shm . || echo none",
                           rules=f"allow GET origin.test:{web.port}/** private")
        fingerprint, keys = result.out.splitlines()
        seen.add(fingerprint)
        assert keys == "none", result
        assert b"-----BEGIN" not in b"".join(path.read_bytes() for path in result.record.rglob("*") if path.is_file())
    assert len(seen) == 2


STRICT = """
import ssl, sys, urllib.request
context = ssl.create_default_context()
context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
print(urllib.request.urlopen(f"https://origin.test:{sys.argv[1]}/", context=context).read().decode(), end="")
"""


@pytest.mark.parametrize("client", ["curl", "python", "python-strict", "openssl", "git", "node"])
def test_clients_believe_the_leaf(sally, origin, client):
    web = origin()
    url = f"https://origin.test:{web.port}/"
    node = f"require('https').get('{url}', r => r.pipe(process.stdout)).on('error', e => {{ throw e }})"
    command = {
        "curl": ["curl", "-sS", url],
        "python": ["/usr/bin/python3", "-c", f"import urllib.request as r; print(r.urlopen('{url}').read().decode(), end='')"],
        "python-strict": ["/usr/bin/python3", "-c", STRICT, str(web.port)],
        "openssl": ["sh", "-c", f"printf 'GET / HTTP/1.0\\r\\nHost: origin.test:{web.port}\\r\\n\\r\\n' | openssl s_client -quiet "
                                f"-verify_return_error -servername origin.test -connect origin.test:{web.port} 2>/dev/null"],
        "git": ["sh", "-c", f"git ls-remote {url}x.git 2>&1; true"],
        "node": ["node", "-e", node],
    }[client]
    program = {"python": "python3", "python-strict": "python3"}.get(client, client)
    if shutil.which(program, path="/usr/bin:/bin") is None:
        pytest.skip(f"{client} is not installed in the system's folders")
    result = sally.run(*command, rules=f"allow GET origin.test:{web.port}/** private")
    assert len(web.requests) >= 1, result
    if client != "git":  # which hears no git there, over a connection that it believes
        assert result.out.endswith("hello GET /\n"), result


def jks(data):
    """The certificates of a Java key store whose every octet is accounted for."""
    assert hashlib.sha1("changeit".encode("utf-16-be") + b"Mighty Aphrodite" + data[:-20]).digest() == data[-20:]
    magic, version, count = struct.unpack(">III", data[:12])
    assert (magic, version) == (0xFEEDFEED, 2)
    at, found = 12, {}
    for _ in range(count):
        tag, alias_len = struct.unpack(">IH", data[at:at + 6])
        alias = data[at + 6:at + 6 + alias_len]
        at += 6 + alias_len + 8
        kind_len, = struct.unpack(">H", data[at:at + 2])
        assert (tag, data[at + 2:at + 2 + kind_len]) == (2, b"X.509") and alias not in found
        at += 2 + kind_len
        size, = struct.unpack(">I", data[at:at + 4])
        found[alias] = data[at + 4:at + 4 + size]
        at += 4 + size
    assert at == len(data) - 20
    return set(found.values())


def test_javas_store(sally):
    """Laid over that of a JDK: the roots of outside, the user's own, the run's CA."""
    store = sally.folder / "jdk/lib/security/cacerts"
    store.parent.mkdir(parents=True)
    store.write_bytes(b"what a JDK came with")
    own = own_ca(sally, "own")
    result = sally.run("sh", "-c", "base64 jdk/lib/security/cacerts; echo =; cat /run/sallyport/ca.pem /etc/ssl/certs/ca-certificates.crt",
                       env={"JAVA_HOME": str(store.parents[2]), "SSL_CERT_FILE": str(own)})
    inside, _, roots = result.out.partition("\n=\n")
    found = jks(base64.b64decode(inside))
    ca, *system = [base64.b64decode(text) for text in re.findall("-----BEGIN CERTIFICATE-----(.*?)-----END", roots, re.S)]
    assert ca in found and base64.b64decode(own.read_text().split("-----")[2]) in found, result
    theirs = pathlib.Path("/etc/ssl/certs/java/cacerts")
    if theirs.exists() and theirs.read_bytes().startswith(b"\xfe\xed\xfe\xed"):
        system = jks(theirs.read_bytes()) or system
    assert set(system) < found, len(found)
    assert store.read_bytes() == b"what a JDK came with"


JAVA = """
import java.net.*;
public class Fetch {
    public static void main(String[] a) throws Exception {
        System.out.print(new String(new URL(a[0]).openStream().readAllBytes()));
    }
}
"""


@pytest.mark.once
@pytest.mark.skipif(shutil.which("java", path="/usr/bin:/bin") is None, reason="java is not installed in the system's folders")
def test_java_believes_the_leaf(sally, origin):
    """It reads no variable: its own store is laid over, its connections are captured."""
    web = origin()
    url = f"https://origin.test:{web.port}/"
    sally.write("Fetch.java", JAVA)
    result = sally.run("java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "Fetch.java", url, timeout=90,
                       rules=f"allow GET origin.test:{web.port}/** private")
    assert result.out == "hello GET /\n", result


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_versions_of_tls(sally, origin, version):
    web = origin()
    result = sally.run("curl", "-sS", f"--tlsv{version}", "--tls-max", version, f"https://origin.test:{web.port}/",
                       rules=f"allow GET origin.test:{web.port}/** private")
    assert result.out == "hello GET /\n", result


def test_older_versions_are_not_spoken(sally, origin):
    web = origin()
    result = sally.run("curl", "-sS", "--ciphers", "DEFAULT@SECLEVEL=0", "--tlsv1.0", "--tls-max", "1.1",
                       f"https://origin.test:{web.port}/", rules=f"allow GET origin.test:{web.port}/** private")
    assert result.status == 35 and web.requests == [], result


def test_one_leaf_a_name_with_a_key_of_its_own(sally):
    """Minted once a name and run; never the CA's key, never two names' the same."""
    script = """
import inside, ssl
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
context = ssl.create_default_context()
seen = []
for name in ("a.test", "a.test", "b.test"):
    sock = context.wrap_socket(inside.plain(name, 443), server_hostname=name)
    leaf = x509.load_der_x509_certificate(sock.getpeercert(True))
    key = leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    print(leaf.serial_number, key.hex(), leaf.public_key().curve.name)
ca = x509.load_pem_x509_certificate(open("/run/sallyport/ca.pem", "rb").read()).public_key()
print(ca.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).hex())
"""
    result = sally.python(script, rules="allow GET a.test/**\nallow GET b.test/**")
    first, again, other, ca = [line.split() for line in result.out.splitlines()]
    assert first == again and first[2] == "secp256r1", result
    assert first[0] != other[0] and len({first[1], other[1], ca[0]}) == 3, result


def test_a_client_without_our_roots_is_not_fooled(sally, origin):
    web = origin()
    result = sally.run("curl", "-sS", "--cacert", "/etc/hostname", f"https://origin.test:{web.port}/",
                       rules=f"allow GET origin.test:{web.port}/** private")
    assert result.status != 0 and web.requests == [], result


def test_the_users_own_files_are_as_they_were(sally):
    before = os.stat("/etc/ssl/certs/ca-certificates.crt")
    sally.run("true")
    after = os.stat("/etc/ssl/certs/ca-certificates.crt")
    assert (before.st_mtime_ns, before.st_ino, before.st_size) == (after.st_mtime_ns, after.st_ino, after.st_size)
    mounts = subprocess.run(["cat", "/proc/mounts"], capture_output=True, text=True).stdout
    assert "sallyport" not in mounts

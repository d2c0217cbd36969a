"""What clients find in the jail: proxy settings, roots of trust, and nothing of the user's that leads outside."""
import json
import os
import shutil
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

"""Clients without ECDSA get a leaf with an RSA key, made for them alone; all others the usual one."""
import pytest

pytestmark = pytest.mark.once

RULES = "allow GET a.test/x\nallow GET b.test/x"

KEYS = """
import inside, ssl, sys
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

def leaf(host, suites=None):
    context = ssl.create_default_context()
    if suites:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(suites)
    sock = context.wrap_socket(inside.plain(host, 443), server_hostname=host)
    cert = x509.load_der_x509_certificate(sock.getpeercert(True))
    key = cert.public_key()
    kind = f"RSA-{key.key_size}" if hasattr(key.public_numbers(), "n") else key.curve.name
    sock.sendall(inside.get(host))
    status = inside.response(sock)[0]
    print(host, kind, sock.version(), status, key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).hex())

leaf("a.test", "ECDHE-RSA-AES128-GCM-SHA256")
leaf("a.test")
leaf("b.test", "ECDHE-RSA-AES256-GCM-SHA384")
leaf("a.test", "ECDHE-RSA-AES128-GCM-SHA256")
leaf("a.test", "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256")
"""


def test_by_cipher_suites(sally):
    result = sally.python(KEYS, rules=RULES)
    assert result.status == 0, result
    seen = [line.split() for line in result.out.splitlines()]
    assert [row[:2] for row in seen] == [["a.test", "RSA-2048"], ["a.test", "secp256r1"], ["b.test", "RSA-2048"],
                                         ["a.test", "RSA-2048"], ["a.test", "secp256r1"]], result
    assert {row[3] for row in seen} == {"403"}  # no path but /x: the request was read and judged
    keys = [row[4] for row in seen]
    assert keys[0] == keys[3] and keys[1] == keys[4] and len(set(keys)) == 3


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_by_signature_algorithms(sally, origin, version):
    web = origin()
    result = sally.run(
        "sh", "-c", f"printf 'GET /x HTTP/1.0\\r\\nHost: origin.test:{web.port}\\r\\n\\r\\n' | openssl s_client -ign_eof {version} -sigalgs "
        f"RSA-PSS+SHA256:RSA+SHA256 -verify_return_error -servername origin.test -connect origin.test:{web.port} 2>&1",
        rules=f"allow GET origin.test:{web.port}/** private")
    assert "hello GET /x" in result.out and "Peer signature type: RSA" in result.out, result


def test_many_at_once(sally):
    """They wait for their keys beside the others, in whatever worker they are."""
    script = KEYS.split("leaf(\"a.test\", \"ECDHE-RSA-AES128")[0] + """
import threading
rows = [("a.test", "ECDHE-RSA-AES128-GCM-SHA256"), ("b.test", "ECDHE-RSA-AES128-GCM-SHA256"), ("a.test", None), ("b.test", None)] * 5
threads = [threading.Thread(target=leaf, args=row) for row in rows]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
    result = sally.python(script, rules=RULES)
    lines = result.out.splitlines()
    assert len(lines) == 20 and len({line.split()[4] for line in lines}) == 4, result


def test_one_who_does_not_wait(sally):
    result = sally.python("""
import inside, ssl
for _ in range(20):
    context = ssl.create_default_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
    out = ssl.MemoryBIO()
    tls = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="a.test")
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    sock = inside.plain("a.test", 443)
    sock.sendall(out.read())
    sock.close()
print("gone")
""", rules=RULES)
    assert result.out == "gone\n", result

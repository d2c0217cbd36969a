#!/usr/bin/env python3
"""A strict client (Python's ssl with VERIFY_X509_STRICT, the default from 3.13 on) meets minted leaves.

Usage: strict_client.py PROGRAM_THAT_MINTS. Handshakes in memory; no socket. Each host is taken under its
own name and refused under another, and nothing is taken without the CA.
"""
import ssl
import subprocess
import sys
import tempfile

LONG = "a-label-long-enough.another-that-is-long-enough.so-that-no-common.name.holds-it.example"
HOSTS = ["a.example", "xn--bcher-kva.example", "127.0.0.1", "::1", LONG]


def minted(program):
    text = subprocess.run([program, *HOSTS], stdout=subprocess.PIPE, text=True, check=True).stdout
    parts = [part.split("\n", 1) for part in text.split("== ")[1:]]
    return {name: pem for name, pem in parts}


def shake(pem, name, ca):
    """None when the client is content, else its words."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(pem)
        file.flush()
        server.load_cert_chain(file.name)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    if ca:
        client.load_verify_locations(cadata=ca)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    one = client.wrap_bio(to_client, to_server, server_hostname=name)
    two = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(10):
        for end in (one, two):
            try:
                end.do_handshake()
                if end is one:
                    return None
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError as error:
                return str(error)
    return "the handshake came to no end"


def main():
    pems = minted(sys.argv[1])
    failures = []
    for host in HOSTS:
        why = shake(pems[host], host, pems["CA"])
        if why:
            failures.append(f"{host} is refused: {why}")
        if not shake(pems[host], "other.example", pems["CA"]):
            failures.append(f"{host} is taken for other.example")
        if not shake(pems[host], host, None):
            failures.append(f"{host} is taken without the CA")
    print("\n".join(failures) or f"{len(HOSTS)} hosts: each taken as itself, refused otherwise")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

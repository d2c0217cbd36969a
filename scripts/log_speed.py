#!/usr/bin/env python3
"""How fast is a record read? log_speed.py PROGRAM [MIB]: makes a record folder of that size (1024) in a temporary
folder, lets `log stats` and `log show` read it, prints MB/s of wall-clock and of processor time. Not a test."""
import json
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

SEGMENT = 64 << 20
HEX = "0123456789abcdef" * 4
COMMON = {"run": "20260101T000000Z-00c0ffee", "session": 0, "request": 0, "way": "transparent", "client": "198.18.0.1:44702",
          "method": "GET", "scheme": "https", "host": "", "port": 443, "path": "", "wanted": "198.18.0.1:443",
          "verdict": "allow"}
HEADS = {"request_headers": [["Host", "registry.example"], ["User-Agent", "npm/9.2.0 node/v18.13.0 linux x64"],
                             ["Accept", "*/*"], ["authorization", "hmac-sha256:" + HEX]]}
ENDS = {"address": "203.0.113.9:443", "tls_version": "TLSv1.3", "tls_cipher": "TLS1-3-AES-128-GCM-SHA256", "origin_cert": HEX,
        "status": 200, "request_bytes": 0, "response_bytes": 123456, "response_sha256": HEX,
        "response_headers": [["Content-Type", "application/octet-stream"], ["ETag", "\"abcdef\""]], "decide_ns": 12345,
        "connect_ns": 1234567, "tls_ns": 2345678, "first_byte_ns": 9876543, "total_ns": 12345678, "end": "complete"}


def pairs():
    seq = 0
    while True:
        number = seq // 2 + 1
        second = number // 20000
        time_text = f"2026-01-01T{second // 3600 % 24:02}:{second // 60 % 60:02}:{second % 60:02}.{number % 20000 * 50000:09}Z"
        common = {**COMMON, "session": number % 50 + 1, "request": number, "host": f"registry{number % 40}.example",
                  "path": f"/some/package/-/package-1.{number % 9}.0.tgz"}
        for kind, more in (("intent", {"reason": "allowed", "rule": "sallyport.rules:12", **HEADS}), ("outcome", ENDS)):
            yield {"seq": seq, "kind": kind, "time": time_text, "mono_ns": seq + 1, **common, **more}
            seq += 1


def make(folder, size):
    lines, total, segment = pairs(), 0, 0
    while total < size:
        segment, written = segment + 1, 0
        with open(folder / f"{segment:06}.jsonl", "w") as out:
            while written < min(SEGMENT, size):
                written += out.write("".join(json.dumps(next(lines), separators=(",", ":")) + "\n" for _ in range(1000)))
        total += written
    return total


def main():
    program, size = sys.argv[1], int(sys.argv[2] if len(sys.argv) > 2 else 1024) << 20
    with tempfile.TemporaryDirectory() as folder:
        total = make(pathlib.Path(folder), size)
        for words in (["stats"], ["show"], ["show", "--host", "registry3.example", "--status", "200"], ["export", "--format", "jsonl"]):
            before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
            subprocess.run([program, "log", *words, folder], stdout=subprocess.DEVNULL, check=True)
            took, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
            used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            print(f"log {' '.join(words):45} {total / took / 1e6:6.0f} MB/s   {total / used / 1e6:6.0f} MB a processor second")


main()

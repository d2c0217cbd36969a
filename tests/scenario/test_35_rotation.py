"""Segments are rotated, compressed and taken away, and the record verifies all the while."""
import hashlib
import json
import os
import time

import pytest


@pytest.fixture
def record(sally):
    folder = sally.base / "kept"
    folder.mkdir()
    sally.own(folder)
    return folder


def run(sally, record, web, *options, times=12, wait="0.02"):
    script = f"i=0; while [ $i -lt {times} ]; do curl -s http://origin.test:{web.port}/$i; i=$((i+1)); sleep {wait}; done"
    result = sally.run("sh", "-c", script, options=("--record", record, *options), check=False,
                       rules=f"allow GET http://origin.test:{web.port}/** private")
    assert result.status == 0, result
    return sally.home / ".local/state/sallyport/record.key.pub"


def good(sally, key, record):
    said = sally.verb("log", "verify", "--key", key, record)
    assert said.status == 0, said
    return said.out


def names(record, suffix):
    return sorted(path.name for path in record.glob("*" + suffix))


@pytest.mark.once
def test_by_size(sally, record, plain_origin):
    key = run(sally, record, plain_origin(), "--rotate-size", "4KiB")
    assert len(names(record, ".jsonl")) >= 3
    good(sally, key, record)


@pytest.mark.once
def test_by_age(sally, record, plain_origin):
    web = plain_origin()
    key = run(sally, record, web, "--rotate-age", "1s", times=4, wait="0.8")
    before = len(names(record, ".jsonl"))
    assert before >= 2
    time.sleep(1.1)
    run(sally, record, web, "--rotate-age", "1s", times=1)  # the last one grew old between two runs
    assert len(names(record, ".jsonl")) > before
    good(sally, key, record)


@pytest.mark.once
def test_compressed_segments_read_and_verify_as_before(sally, record, plain_origin):
    web = plain_origin()
    key = run(sally, record, web, "--rotate-size", "4KiB", "--compress", "--durability", "buffered")
    run(sally, record, web, "--rotate-size", "4KiB", "--compress")
    packed = names(record, ".jsonl.zst")
    assert len(packed) >= 3 and not set(packed) & {name + ".zst" for name in names(record, ".jsonl")}
    assert "taken by retention" not in good(sally, key, record)
    shown = sally.verb("log", "show", record)
    assert shown.status == 0 and shown.out.count("/11") >= 2, shown
    proof = sally.verb("log", "prove", "3", record)
    told = sally.verb("log", "verify-proof", "--key", key, sally.write("proof", proof.out))
    assert told.status == 0 and json.loads(told.out)["seq"] == 3, told
    whole = (record / packed[0]).read_bytes()
    (record / packed[0]).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))  # its checksum
    assert sally.verb("log", "verify", "--key", key, record).status != 0
    (record / packed[0]).unlink()
    bad = sally.verb("log", "verify", "--key", key, record)
    assert bad.status == 1 and bad.out.startswith("BAD: record 0"), bad


@pytest.mark.once
@pytest.mark.parametrize("compress", [(), ("--compress",)], ids=["plain", "compressed"])
def test_what_is_taken_away_is_told_before(sally, record, plain_origin, compress):
    web = plain_origin()
    key = run(sally, record, web, "--rotate-size", "4KiB", *compress)
    assert (record / "000001.jsonl").exists() or (record / "000001.jsonl.zst").exists()
    run(sally, record, web, "--rotate-size", "4KiB", "--keep-size", "9KiB" if not compress else "2KiB", *compress)
    left = names(record, ".jsonl") + names(record, ".jsonl.zst")
    assert "000001.jsonl" not in left and "000001.jsonl.zst" not in left
    assert "taken by retention" in good(sally, key, record)
    assert sally.verb("log", "show", record).status == 0
    # A segment more than the record tells of is not retention.
    oldest = sorted(left)[0]
    (record / oldest).rename(sally.base / oldest)  # its owner stays
    bad = sally.verb("log", "verify", "--key", key, record)
    assert bad.status == 1 and bad.out.startswith("BAD: record "), bad
    (sally.base / oldest).rename(record / oldest)
    # The record is written on.
    run(sally, record, web, times=1)
    assert "taken by retention" in good(sally, key, record)


@pytest.mark.once
def test_stored_bodies_go_with_the_segments_that_speak_of_them(sally, record, plain_origin):
    web = plain_origin(lambda conn: conn.reply(200, (conn.request.target * 500).encode()))
    body = f"allow GET http://origin.test:{web.port}/** private log body"
    script = f"for i in 0 1 2 3 4 5 6 7; do curl -s http://origin.test:{web.port}/$i; done"
    options = ("--record", record, "--rotate-size", "4KiB")
    assert sally.run("sh", "-c", script, options=options, rules=body, check=False).status == 0
    stored = sorted((record / "bodies").iterdir())
    assert len(stored) == 8
    key = sally.home / ".local/state/sallyport/record.key.pub"
    assert "8 stored bodies hold what their names say" in good(sally, key, record)
    # An hour goes by for all but the last segment, its bodies, and the one that a later request brought once more.
    *_, last = sorted(record.glob("*.jsonl"))
    again = hashlib.sha256(b"/0" * 500).hexdigest()
    young = sorted({again} | {path.name for path in stored if path.name in last.read_text()})
    assert 1 < len(young) < 8
    for path in [*record.glob("*.jsonl"), *stored]:
        if path != last and path.name not in young:
            then = time.time() - (3600 if path.suffix else 3700)
            os.utime(path, (then, then))
    run(sally, record, web, "--rotate-size", "4KiB", "--keep-age", "30m", times=1)
    assert sorted(path.name for path in (record / "bodies").iterdir()) == young
    assert "taken by retention" in good(sally, key, record) and f"{len(young)} stored bod" in good(sally, key, record)
    assert "; of 1 no record tells" in good(sally, key, record)
    (record / "bodies" / again).write_bytes(b"something else")
    bad = sally.verb("log", "verify", "--key", key, record)
    assert bad.status == 1 and f"bodies/{again}: does not hold" in bad.out, bad


@pytest.mark.once
@pytest.mark.parametrize("option", [("--rotate-size", "0"), ("--rotate-size", "4KB"), ("--keep-age", "soon"),
                                    ("--keep-size", "-1"), ("--rotate-age", "1w")])
def test_what_makes_no_sense_is_refused(sally, option):
    result = sally.run("true", options=option, check=False)
    assert result.status == 125 and option[0] in result.err, result

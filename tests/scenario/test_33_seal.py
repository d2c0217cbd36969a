"""The seal, read by a second hand: what the formats say, without a line of the program's own code."""
import base64
import hashlib
import http.server
import json
import os
import shutil
import threading

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


# ---- RFC 6962 2.1, as it is written there

def leaf(line):
    return hashlib.sha256(b"\0" + line).digest()


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def root(leaves):
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return node(root(leaves[:half]), root(leaves[half:]))


def root_by_proof(index, size, own, proof):
    """RFC 9162 2.1.3.2."""
    number, last, value = index, size - 1, own
    for step in proof:
        assert last > 0
        if number % 2 or number == last:
            value = node(step, value)
            while number % 2 == 0 and number:
                number, last = number >> 1, last >> 1
        else:
            value = node(value, step)
        number, last = number >> 1, last >> 1
    assert last == 0
    return value


# ---- C2SP signed-note and tlog-checkpoint

class Key:
    def __init__(self, text):
        self.name, short, encoded = text.strip().split("+", 2)
        data = base64.b64decode(encoded, validate=True)
        assert data[0] == 1 and len(data) == 33
        self.hash = hashlib.sha256(self.name.encode() + b"\n" + data).digest()[:4]
        assert self.hash.hex() == short
        self.key = Ed25519PublicKey.from_public_bytes(data[1:])

    def check(self, note):
        text, signatures = note.split("\n\n", 1)
        for line in signatures.splitlines():
            dash, name, encoded = line.split(" ")
            data = base64.b64decode(encoded, validate=True)
            if dash == "\u2014" and name == self.name and data[:4] == self.hash:
                self.key.verify(data[4:], (text + "\n").encode())
                return
        raise AssertionError("not signed by this key")


def checkpoint(note):
    origin, size, encoded, *more = note.split("\n\n")[0].split("\n")
    return origin, int(size), base64.b64decode(encoded, validate=True), dict(line.split(" ", 1) for line in more)


def notes_of(text):
    parts = text.split("\n\n")
    assert len(parts) % 2 == 1 and parts[-1] == ""
    return [f"{body}\n\n{signatures}\n" for body, signatures in zip(parts[::2], parts[1::2])]


def lines_of(record):
    return [line for path in sorted(record.glob("*.jsonl")) for line in path.read_bytes().splitlines()]


def runs(sally, record, *options, times=2):
    for _ in range(times):
        result = sally.run("true", options=("--record", record, *options))
        assert result.status == 0, result
    return sally.home / ".local/state/sallyport/record.key.pub"


@pytest.fixture
def record(sally):
    folder = sally.base / "sealed"
    folder.mkdir()
    sally.own(folder)
    return folder


def test_a_second_hand_agrees_across_runs(sally, record):
    key = Key(runs(sally, record, times=3).read_text())
    leaves = [leaf(line) for line in lines_of(record)]
    notes = notes_of((record / "checkpoints").read_text())
    assert len(notes) >= 3
    sizes = []
    for number, note in enumerate(notes):
        key.check(note)
        origin, size, claimed, more = checkpoint(note)
        assert origin == checkpoint(notes[0])[0] and origin.startswith(key.name + "/")
        assert claimed == root(leaves[:size]) and int(more["number"]) == number
        sizes.append(size)
    assert sizes == sorted(set(sizes)) and sizes[-1] == len(leaves)
    stops = [number for number, line in enumerate(lines_of(record)) if json.loads(line)["kind"] == "stop"]
    assert {number + 1 for number in stops} <= set(sizes)  # at each run's end
    with pytest.raises((InvalidSignature, AssertionError)):
        key.check(notes[0].replace("number 0", "number 1"))


def test_verify_says_good_and_names_what_is_bad(sally, record):
    key = runs(sally, record)
    good = sally.verb("log", "verify", "--key", key, record)
    assert good.status == 0 and good.out.startswith("good: "), good
    # Without --key it is this installation's, which is the same one.
    assert sally.verb("log", "verify", record).status == 0
    lines = (record / "000001.jsonl").read_bytes()
    changed = lines.replace(b'"user":"', b'"user":"x', 1)
    assert changed != lines
    (record / "000001.jsonl").write_bytes(changed)
    bad = sally.verb("log", "verify", "--key", key, record)
    where = next(number for number, line in enumerate(lines.splitlines()) if b'"user":"' in line)
    assert bad.status == 1 and bad.out.startswith(f"BAD: record {where}: "), bad
    assert f"000001.jsonl:{where + 1}:" in bad.out
    # Nothing is added to it either.
    refused = sally.run("true", options=("--record", record), check=False)
    assert refused.status == 125 and "as it was sealed" in refused.err, refused


def test_a_forger_with_another_key_is_not_believed(sally, record):
    key = runs(sally, record)
    other = sally.base / "forged"
    other.mkdir()
    sally.own(other)
    made = sally.run("true", options=("--record", other, "--record-key", sally.folder / "other.key"))
    assert made.status == 0, made
    assert sally.verb("log", "verify", "--key", other / "key.pub", other).status == 0
    bad = sally.verb("log", "verify", "--key", key, other)
    assert bad.status == 1 and "not signed" in bad.out, bad


def test_a_proof_stands_alone(sally, record):
    key = runs(sally, record)
    lines = lines_of(record)
    for number in (0, 1, len(lines) - 1):
        proof = sally.verb("log", "prove", number, record)
        assert proof.status == 0, proof
        head, rest = proof.out.split("\n\n", 1)
        first, extra, index, *hashes = head.split("\n")
        assert first == "c2sp.org/tlog-proof@v1" and index == f"index {number}"
        line = base64.b64decode(extra.removeprefix("extra "), validate=True)
        assert line == lines[number]
        Key(key.read_text()).check(rest)
        _, size, claimed, _ = checkpoint(rest)
        assert root_by_proof(number, size, leaf(line), [base64.b64decode(h) for h in hashes]) == claimed
        told = sally.verb("log", "verify-proof", "--key", key, sally.write("proof", proof.out))
        assert told.status == 0 and told.out.encode() == line + b"\n", told
        forged = proof.out.replace(f"index {number}\n", f"index {number + 1}\n")
        told = sally.verb("log", "verify-proof", "--key", key, sally.write("proof", forged))
        assert told.status == 1 and not told.out, told
        told = sally.verb("log", "verify-proof", "--key", key, sally.write("proof", proof.out + "\nand so on\n"))
        assert told.status == 1 and not told.out and "follows" in told.err, told
    assert sally.verb("log", "prove", len(lines), record).status == 125


def test_checkpoints_go_to_a_file_and_a_command(sally, record):
    held, piped = sally.folder / "held", sally.folder / "piped"
    key = runs(sally, record, "--checkpoint-to", held)
    runs(sally, record, "--checkpoint-to", f"|cat >{piped}", times=1)
    on_record = notes_of((record / "checkpoints").read_text())
    kept = notes_of(held.read_text())
    assert set(kept) <= set(on_record) and piped.read_text() == on_record[-1]
    for elsewhere in (held, piped):
        assert sally.verb("log", "verify", "--key", key, "--since", elsewhere, record).status == 0
    # Taken back to an earlier state, consistent in itself: only what is held elsewhere tells.
    _, size, _, _ = checkpoint(on_record[0])
    (record / "checkpoints").write_text(on_record[0] + "\n")
    (record / "000001.jsonl").write_bytes(b"".join(line + b"\n" for line in lines_of(record)[:size]))
    (record / "000001.tree").write_bytes((record / "000001.tree").read_bytes()[:16 + 32 * size])
    assert sally.verb("log", "verify", "--key", key, record).status == 0
    bad = sally.verb("log", "verify", "--key", key, "--since", piped, record)
    assert bad.status == 1 and bad.out.startswith(f"BAD: since {size}"), bad


def test_checkpoints_go_to_a_url(sally, record):
    got = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            got.append(self.rfile.read(int(self.headers["content-length"])).decode())
            self.send_response(200)
            self.end_headers()

        def log_message(self, *words):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        runs(sally, record, "--checkpoint-to", f"http://127.0.0.1:{server.server_port}/checkpoints", times=1)
    finally:
        server.shutdown()
        server.server_close()
    assert got and got[-1] == notes_of((record / "checkpoints").read_text())[-1]


@pytest.mark.once
def test_a_push_that_fails_is_told_and_recorded(sally, record):
    result = sally.run("sleep", "2.5", options=("--record", record, "--checkpoint-to", "|exit 3"))
    assert result.status == 0 and "did not get to |exit 3" in result.err, result
    events = [json.loads(line) for line in lines_of(record) if b'"kind":"event"' in line]
    assert [event["reason"] for event in events] == ["checkpoint-not-pushed"], events
    nowhere = sally.run("true", options=("--checkpoint-to", "/nowhere/at/all"), check=False)
    assert nowhere.status == 125 and "--checkpoint-to" in nowhere.err, nowhere


@pytest.mark.once
def test_each_second_of_activity_has_its_checkpoint(sally, plain_origin):
    web = plain_origin()
    result = sally.run("sh", "-c", f"for i in 1 2 3; do curl -s http://origin.test:{web.port}/$i; sleep 1.1; done",
                       rules=f"allow GET http://origin.test:{web.port}/** private")
    assert result.status == 0, result
    times = [checkpoint(note)[3]["time"] for note in notes_of((result.record / "checkpoints").read_text())]
    assert len(set(times)) >= 3, times


def test_what_a_crash_tore_is_cut_and_told(sally, record):
    key = runs(sally, record)
    (record / "000001.jsonl").write_bytes((record / "000001.jsonl").read_bytes() + b'{"seq":99,"ki')
    notes = (record / "checkpoints").read_text()
    told = sally.verb("log", "verify", "--key", key, record)
    assert told.status == 0 and "13 bytes of an unfinished record" in told.out, told
    (record / "checkpoints").write_text(notes + "sallyport-0000")
    assert sally.verb("log", "verify", "--key", key, record).status == 0
    runs(sally, record, times=1)
    repairs = [json.loads(line) for line in lines_of(record) if b'"kind":"repair"' in line]
    assert [(r["reason"], r["detail"].split()[0]) for r in repairs] == [("torn-tail", "13"), ("torn-checkpoint", "14")]
    assert sally.verb("log", "verify", "--key", key, record).status == 0


def test_what_a_crash_left_without_a_seal_is_told(sally, record):
    key = runs(sally, record)
    *earlier, _ = notes_of((record / "checkpoints").read_text())
    _, size, _, _ = checkpoint(earlier[-1])
    total = len(lines_of(record))
    (record / "checkpoints").write_text("".join(note + "\n" for note in earlier))
    (record / "000001.tree").write_bytes((record / "000001.tree").read_bytes()[:16 + 32 * size])
    assert f"good: {total} records, {size} of them sealed" in sally.verb("log", "verify", "--key", key, record).out
    runs(sally, record, times=1)
    repairs = [json.loads(line) for line in lines_of(record) if b'"kind":"repair"' in line]
    assert [(r["seq"], r["reason"], int(r["detail"].split()[0])) for r in repairs] == [(total, "unsealed-tail", total - size)]
    assert sally.verb("log", "verify", "--key", key, record).status == 0


def test_without_a_key_nothing_starts(sally):
    sally.write("bad.key", "no key\n")
    result = sally.run("true", options=("--record-key", sally.folder / "bad.key"), check=False)
    assert result.status == 125 and "no sealing key" in result.err and not result.out, result


def test_a_key_that_others_may_read_is_refused(sally, record):
    secret = runs(sally, record, times=1).with_suffix("")
    digest = secret.parent / "digest.key"
    for key, words in ((secret, "the sealing key lets others in"), (digest, "digest.key lets others in")):
        key.chmod(0o640)
        result = sally.run("true", options=("--record", record), check=False)
        assert result.status == 125 and words in result.err, result
        key.chmod(0o600)
    runs(sally, record, times=1)


def test_the_key_is_the_users_alone_and_out_of_the_jail(sally, record):
    public = runs(sally, record, times=1)
    secret = public.with_suffix("")
    assert secret.stat().st_mode & 0o777 == 0o600
    assert secret.read_text().startswith("PRIVATE+KEY+")
    result = sally.run("cat", secret)
    assert result.status != 0 and "PRIVATE" not in result.out, result
    shutil.rmtree(record)


@pytest.mark.once
@pytest.mark.parametrize("name", ["000002.jsonl", "000001.tree", "checkpoints", "lock", "000002.jsonl.zst"])
@pytest.mark.parametrize("verb", ["verify", "show", "stats"])
def test_a_pipe_in_the_folder_is_not_waited_for(sally, record, name, verb):
    key = runs(sally, record)
    (record / name).unlink(missing_ok=True)
    os.mkfifo(record / name, 0o666)
    options = ("--key", key) if verb == "verify" else ()
    told = sally.verb("log", verb, *options, record, timeout=10)
    assert told.status in (0, 1, 125) and (verb != "verify" or name == "lock" or told.status != 0), told

"""
The gateway dies at any moment; the disk fails at any moment. What an origin saw is on record, and the
record verifies.

SALLYPORT_CRASH_ROUNDS says how often it dies: `make crash` asks for 3,000. Else 300 times, and 60 times with
a sanitizer, which makes each run several times longer.
"""
import errno
import hashlib
import json
import os
import pathlib
import random
import signal
import subprocess
import threading
import time

import pytest

from test_11_bad_input import on_small_disk

LANES = 4  # at once


class Counting:
    """An origin of plain sockets: it is to be faster than the gateway dies."""

    def __init__(self):
        import socketserver

        seen = self.seen = []

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                while True:
                    line = self.rfile.readline()
                    if not line.endswith(b"\n"):
                        return
                    while (field := self.rfile.readline()) not in (b"\r\n", b"\n", b""):
                        pass
                    seen.append(line.split()[1].decode())
                    try:
                        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                    except OSError:
                        return

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *words):
                pass  # a client that is gone is what this is about

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def intents(record):
    """The paths of whole lines that allow: a torn last line allowed nothing."""
    found, torn = set(), 0
    for path in sorted(record.glob("*.jsonl")):
        *lines, rest = path.read_bytes().split(b"\n")
        torn += bool(rest)
        for line in map(json.loads, lines):
            if line["kind"] == "intent" and line["verdict"] == "allow":
                found.add(line["path"])
    return found, torn


def one_death(sally, web, record, rules, chance, number):
    """Starts a run over the same folder, kills its gateway at some moment. Was it killed while busy?"""
    before = len(web.seen)
    urls = f"http://origin.test:{web.port}/{number}/[1-400]"
    run = sally.start("curl", "-s", "-Z", "--parallel-max", "8", "-o", "/dev/null", urls,
                      options=("--rules", rules, "--record", record, "--durability", chance.choice(("durable", "buffered"))))
    run.record = record
    pid = None
    until = time.monotonic() + 10
    while pid is None and run.process.poll() is None and time.monotonic() < until:
        try:
            pid = run.gateway_pid()
        except AssertionError:
            time.sleep(0.002)
    if pid is None:  # over before it was found, on a machine that has other things to do
        said = run.process.communicate(timeout=30)
        assert run.process.returncode == 0, said
        return False
    if chance.random() < 0.8:  # most of them while requests are under way
        while len(web.seen) == before and run.process.poll() is None and time.monotonic() < until:
            time.sleep(0.001)
    time.sleep(chance.random() * 0.06)
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    run.process.communicate(timeout=30)
    return len(web.seen) > before and run.process.returncode != 0


def is_sanitized(program):
    linked = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
    return "libasan" in linked or "libtsan" in linked


def lane(sally, name, key, rounds, problems, busy):
    """Deaths one after the other; a fresh folder every 20, since each round reads all of its folder."""
    web = Counting()
    rules = sally.write(f"lane-{name}.rules", f"allow GET http://origin.test:{web.port}/** private")
    chance = random.Random(f"lane {name}")
    found = set()  # over all folders: what a dead gateway had sent may be read here rounds later
    try:
        for number in range(rounds):
            if number % 20 == 0:
                record = sally.base / f"killed-{name}-{number}"
                record.mkdir()
                sally.own(record)
            busy.append(one_death(sally, web, record, rules, chance, number))
            found |= intents(record)[0]
            if not set(web.seen) <= found:
                problems.append((name, number, "not on record", sorted(set(web.seen) - found)[:5]))
            if not (record / "000001.jsonl").exists():
                continue  # it died before it had written anything
            said = subprocess.run([sally.program, "log", "verify", "--key", key, record], capture_output=True,
                                  text=True, timeout=30)
            if said.returncode != 0:
                problems.append((name, number, said.stdout, said.stderr))
    except Exception as problem:
        problems.append((name, number, repr(problem)))
    finally:
        web.close()


@pytest.mark.once
def test_no_request_leaves_without_its_intent_however_the_gateway_dies(sally):
    assert sally.run("true").status == 0  # this installation has its key
    key = sally.home / ".local/state/sallyport/record.key.pub"
    rounds = int(os.environ.get("SALLYPORT_CRASH_ROUNDS", "60" if is_sanitized(sally.program) else "300"))
    problems, busy = [], []
    lanes = [threading.Thread(target=lane, args=(sally, name, key, rounds // LANES, problems, busy))
             for name in range(LANES)]
    for one in lanes:
        one.start()
    for one in lanes:
        one.join()
    assert not problems, problems[:5]
    assert len(busy) == rounds // LANES * LANES and sum(busy) >= rounds // 3, (len(busy), sum(busy))


@pytest.mark.as_root
@pytest.mark.parametrize("durability", ["durable", "buffered"])
def test_traffic_stops_while_the_disk_is_full_and_goes_on_after(sally, plain_origin, durability):
    web = plain_origin()
    rules = sally.write("test.rules", f"allow GET http://origin.test:{web.port}/** private")
    client = sally.write("client.sh", f"""
i=0; while [ $i -lt 400 ]; do
	curl -sS -o answer -w '%{{http_code}}\\n' "http://origin.test:{web.port}/$i"; i=$((i+1)); test -e enough && exit
	sleep 0.01
done""")
    script = f"""
{sally.program} run --rules {rules} --record disk/record --durability {durability} \
	--dns 127.0.0.1:{sally.nameserver.port} -- sh {client} & pid=$!
sleep 0.7; cat /dev/zero >disk/filler 2>/dev/null
sleep 0.7; rm disk/filler
sleep 0.7; touch enough; wait $pid; status=$?
{sally.program} log verify --key disk/record/key.pub disk/record
cp disk/record/*.jsonl {sally.folder}; exit $status"""
    result = on_small_disk(sally, script, size="2m")
    codes = [word for word in result.out.split() if word in ("200", "503")]
    changes = [code for i, code in enumerate(codes) if i == 0 or codes[i - 1] != code]
    assert changes == ["200", "503", "200"], result
    assert "good: " in result.out, result
    assert result.status == 125 and "could not be written for a time" in result.err, result
    found, torn = intents(sally.folder)
    assert {target for _, target in web.paths()} <= found and not torn


@pytest.fixture
def faulty_disk(sally):
    """A library to be preloaded; see faulty_disk.c."""
    if is_sanitized(sally.program):
        pytest.skip("a sanitizer wants to be the first library: the unsanitized build runs this")
    library = sally.base / "faulty_disk.so"
    source = pathlib.Path(__file__).parent / "harness" / "faulty_disk.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    return library


@pytest.mark.once
@pytest.mark.parametrize("durability", ["durable", "buffered"])
def test_whichever_call_to_the_disk_fails_nothing_leaves_unrecorded(sally, plain_origin, faulty_disk, durability):
    """EIO, ENOSPC and short writes at each call in turn, once or for a while; the origin counts."""
    web = plain_origin()
    urls = [f"http://origin.test:{web.port}/{path}" for path in range(5)]
    rules = sally.write("test.rules", f"allow GET http://origin.test:{web.port}/** private")
    key = sally.home / ".local/state/sallyport/record.key.pub"
    (sally.base / "faulty").mkdir()
    refused = passed = 0
    for at in range(26):
        record = sally.base / "faulty" / f"{durability}-{at}"
        record.mkdir()
        for folder in (record.parent, record):
            sally.own(folder)
        before = len(web.paths())
        env = {"LD_PRELOAD": str(faulty_disk), "FAULT_AT": str(at), "FAULT_COUNT": str((1, 6)[at % 2]),
               "FAULT_ERRNO": str((errno.EIO, errno.ENOSPC)[at // 2 % 2])}
        if at % 3 == 0:
            env["FAULT_SHORT"] = "1"
        run = sally.start("curl", "-s", *urls, env=env,
                          options=("--record", record, "--rules", rules, "--durability", durability))
        out, err = run.process.communicate(timeout=30)
        found, torn = intents(record)
        seen = {target for _, target in web.paths()[before:]}
        assert seen <= found and not torn, (at, seen - found, err)
        passed += len(seen)
        refused += len(urls) - len(seen)
        if len(seen) < len(urls):  # whoever starts it hears that, whether a record was refused or late
            assert run.process.returncode == 125, (at, run.process.returncode, err)
        if found:
            said = sally.verb("log", "verify", "--key", key, record)
            assert said.status == 0, (at, said, err)
    assert passed > 50 and refused > 0, (passed, refused)


@pytest.mark.once
def test_whichever_call_for_a_stored_body_fails_none_is_said_to_be_there_that_is_not(sally, plain_origin, faulty_disk):
    """The same for `log body`: written, short, synced, renamed, the folder synced."""
    web = plain_origin(lambda conn: (conn.body(), conn.reply(200, b"answer" * 4000)))
    rules = sally.write("test.rules", f"allow POST http://origin.test:{web.port}/** private log body")
    ends, at, reached = set(), 0, True
    while reached:
        env = {"LD_PRELOAD": str(faulty_disk), "FAULT_FILES": "/bodies", "FAULT_AT": str(at), "FAULT_COUNT": "1",
               "FAULT_ERRNO": str((errno.EIO, errno.ENOSPC)[at % 2])}
        if at % 3 == 0:
            env["FAULT_SHORT"] = "1"
        result = sally.run("curl", "-s", "-o", "got", "-w", "%{http_code}", "-d", f"question {at}",
                           f"http://origin.test:{web.port}/{at}", env=env, options=("--rules", rules), check=False)
        outcome, = result.of("outcome")
        bodies = result.record / "bodies"
        there = {path.name for path in bodies.iterdir()} if bodies.exists() else set()
        for side in ("request", "response"):
            if outcome.get(f"{side}_body") == "stored":
                assert hashlib.sha256((bodies / outcome[f"{side}_sha256"]).read_bytes()).hexdigest() == \
                    outcome[f"{side}_sha256"]
        said = sally.verb("log", "verify", result.record)
        assert said.status == 0 and not any(name.startswith("part-") for name in there), (at, said, there)
        reached = outcome.get("request_body") != "stored" or outcome.get("response_body") != "stored"
        ends.add((outcome["end"], outcome.get("request_body"), outcome.get("response_body")))
        # A short write alone is no failure: the rest is written.
        reached = reached or at % 3 == 0
        at += 1
        assert at < 40
    assert at > 8 and len(ends) > 3, (at, ends)


def test_what_a_crash_left_of_a_body_under_way_the_next_run_takes_away(sally, origin):
    web = origin()
    record = sally.base / "parts"
    (record / "bodies").mkdir(parents=True)
    (record / "bodies" / "part-7").write_text("half of a bo")
    for folder in (record, record / "bodies", record / "bodies" / "part-7"):
        sally.own(folder)
    run = sally.start("curl", "-sS", "-o", "got", f"https://origin.test:{web.port}/", options=("--record", record),
                      rules=f"allow GET https://origin.test:{web.port}/** private log body")
    run.record = record
    result = run.finish()
    assert result.status == 0, result
    names = [path.name for path in (record / "bodies").iterdir()]
    assert len(names) == 1 and len(names[0]) == 64

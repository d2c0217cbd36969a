"""The gateway as a service, its CA and its record, by the shipped program."""
import asyncio
import base64
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
wine_only = pytest.mark.skipif(os.name == "nt", reason="there is no other build on this Windows")


def let_everyone_read(path):
    if os.name == "nt":
        subprocess.run(["icacls", str(path), "/grant", "*S-1-1-0:R"], check=True)
    else:
        path.chmod(0o644)


# ---- the CA ----

def init_ca(sallyport):
    done = sallyport("ca", "init", "ca", "Test CA", "30")
    assert done.returncode == 0, done.stderr
    return re.search(r"SHA-256 ([0-9a-f]{64})", done.stdout)[1]


def test_ca(sallyport, tmp_path):
    fingerprint = init_ca(sallyport)
    shown, exported = sallyport("ca", "show", "ca"), sallyport("ca", "export", "ca")
    assert shown.returncode == 0 and fingerprint in shown.stdout
    assert exported.stdout.startswith("-----BEGIN CERTIFICATE-----")
    assert exported.stdout.split() == (tmp_path / "ca" / "ca.pem").read_text().split()
    # One that is there is never overwritten.
    key = (tmp_path / "ca" / "ca.key").read_bytes()
    assert sallyport("ca", "init", "ca").returncode != 0
    assert (tmp_path / "ca" / "ca.key").read_bytes() == key


def test_ca_key_is_wrapped_for_its_user(sallyport, tmp_path):
    """DPAPI: nothing of the key is there in plain, and one changed letter keeps it shut."""
    init_ca(sallyport)
    key = tmp_path / "ca" / "ca.key"
    text = key.read_bytes()
    assert text.startswith(b"sallyport-dpapi-1\n") and b"PRIVATE KEY" not in text
    assert b"PRIVATE KEY" not in base64.b64decode(b"".join(text.split()[1:]))
    at = len(text) * 3 // 4
    with key.open("r+b") as file:  # in place: the access list stays
        file.seek(at)
        file.write(b"A" if text[at:at + 1] != b"A" else b"B")
    done = sallyport("ca", "show", "ca")
    assert done.returncode != 0 and "wrapped by another user, or is damaged" in done.stderr
    assert "BEGIN" not in sallyport("ca", "export", "ca").stdout


def test_ca_key_is_private_to_its_folder(sallyport, tmp_path):
    """One that others may read is refused: here a copy with another access list."""
    init_ca(sallyport)
    key = tmp_path / "ca" / "ca.key"
    text = key.read_bytes()
    key.unlink()
    key.write_bytes(text)
    let_everyone_read(key)
    done = sallyport("ca", "show", "ca")
    assert done.returncode != 0 and "lets others in" in done.stderr, done


# ---- a service ----

def free_address():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{s.getsockname()[1]}"


async def answer(reader, writer):
    """An origin: /slow takes its time and says when it was asked."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1]
            if path == b"/slow":
                answer.slow.set()
                await asyncio.sleep(2)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
            await writer.drain()
    writer.close()


async def ask(gateway, origin, path, head=""):
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway)
    writer.write(f"GET http://127.0.0.1:{origin}{path} HTTP/1.1\r\nHost: 127.0.0.1:{origin}\r\n"
                 f"{head}Connection: close\r\n\r\n".encode())
    reply = await asyncio.wait_for(reader.read(), 30)
    writer.close()
    return int(reply.split(b" ")[1]), reply


# Interrupting the service must not interrupt the test.
OWN_GROUP = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP} if os.name == "nt" else {}


STORY_SECONDS = 120


class Service:
    def __init__(self, command, folder, *options):
        self.command, self.folder, self.options = command, folder, options
        self.said = ""

    async def __aenter__(self):
        answer.slow = asyncio.Event()
        self.origin_server = await asyncio.start_server(answer, "127.0.0.1", 0)
        self.origin = self.origin_server.sockets[0].getsockname()[1]
        self.rules("allow")
        self.process = await asyncio.create_subprocess_exec(
            *self.command, "gateway", "--listen", free_address(), "--rules", "s.rules", "--ca", "ca",
            "--record", "record", *self.options, cwd=self.folder, stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE, **OWN_GROUP)
        await self.hear("serving")
        self.port = int(re.search(r"listening on 127\.0\.0\.1:(\d+)", self.said)[1])
        self.id = re.search(r"process (\d+)", self.said)[1]
        return self

    async def __aexit__(self, *_):
        self.origin_server.close()
        if self.process.returncode is None:
            self.process.terminate()  # under Wine this is timeout(1), which takes its child along and kills it if need be
        await asyncio.wait_for(self.process.wait(), 20)

    def rules(self, verb):
        (self.folder / "s.rules").write_text(f"{verb} GET http://127.0.0.1:{self.origin}/**"
                                             f"{' private' if verb == 'allow' else ''}\n")

    async def hear(self, words, times=1):
        while self.said.count(words) < times:
            line = await asyncio.wait_for(self.process.stderr.readline(), 60)
            assert line, f"it ended without {words!r}: {self.said}"
            self.said += line.decode(errors="replace")

    async def tell(self, option):
        done = await asyncio.create_subprocess_exec(
            *self.command, "gateway", option, self.id, cwd=self.folder)
        assert await asyncio.wait_for(done.wait(), 60) == 0

    def interrupt(self):
        """The console's wish: ^Break on Windows; Wine makes ^C of a signal to the program itself."""
        if os.name == "nt":
            self.process.send_signal(signal.CTRL_BREAK_EVENT)
            return
        id = self.process.pid  # wine.sh has become timeout(1), whose child is the program
        child = pathlib.Path(f"/proc/{id}/task/{id}/children").read_text().split()[0]
        os.kill(int(child), signal.SIGINT)

    async def ended(self):
        self.said += (await asyncio.wait_for(self.process.stderr.read(), 60)).decode(errors="replace")
        return await asyncio.wait_for(self.process.wait(), 60)


def local_app_data():
    if os.name == "nt":
        return pathlib.Path(os.environ["LOCALAPPDATA"])
    prefix = pathlib.Path(os.environ.get("SALLYPORT_WINEPREFIX", ROOT / "build" / "wineprefix"))
    return next((prefix / "drive_c" / "users").glob("*/AppData/Local"))


def serve(sallyport, runner, exe, tmp_path, story, *options):
    init_ca(sallyport)

    async def scene():
        async with Service([*runner, exe], tmp_path, *options) as service:
            await asyncio.wait_for(story(service), STORY_SECONDS)
    asyncio.run(scene())


def records(folder, kind):
    lines = [json.loads(line) for file in sorted((folder / "record").glob("*.jsonl"))
             for line in file.read_text().splitlines()]
    return [line for line in lines if line["kind"] == kind]


def test_digest_key_is_wrapped_for_its_user(sallyport, runner, exe, tmp_path):
    """Made at the first start, read again at the next; one changed letter keeps the gateway from starting."""
    async def story(s):
        assert (await ask(s.port, s.origin, "/x"))[0] == 200
        await s.tell("--end")
        assert await s.ended() == 0, s.said
    state = local_app_data() / "sallyport" / "records"
    key = state / "digest.key"
    key.unlink(missing_ok=True)
    if os.name != "nt":
        shutil.rmtree(state.parent, ignore_errors=True)  # the first start makes the folders too
    serve(sallyport, runner, exe, tmp_path, story)
    text = key.read_bytes()
    assert text.startswith(b"sallyport-dpapi-1\n"), text
    at = len(text) * 3 // 4
    changed = text[:at] + (b"A" if text[at:at + 1] != b"A" else b"B") + text[at + 1:]
    start = ("gateway", "--listen", free_address(), "--rules", "s.rules", "--ca", "ca", "--record", "record")
    try:
        with key.open("r+b") as file:  # in place: the access list stays
            file.write(changed)
        done = sallyport(*start)
        assert done.returncode != 0 and "digest.key is no key" in done.stderr, done
        let_everyone_read(key)
        done = sallyport(*start)
        assert done.returncode != 0 and "digest.key lets others in" in done.stderr, done
    finally:
        key.unlink()
    for again in range(2):  # made anew, and read
        (tmp_path / "ca").rename(tmp_path / f"old-{again}")
        serve(sallyport, runner, exe, tmp_path, story)
        assert again == 0 or key.read_bytes() == text
        text = key.read_bytes()


def test_service(sallyport, runner, exe, tmp_path):
    """Rules hold, are read again, stay when the new ones are wrong; what was asked is answered at the end."""
    async def story(s):
        assert (await ask(s.port, s.origin, "/x"))[0] == 200
        s.rules("deny")
        await s.tell("--reload")
        await s.hear("the new rules are in force")
        assert (await ask(s.port, s.origin, "/x"))[0] == 403
        (tmp_path / "s.rules").write_text("sorcery\n")
        await s.tell("--reload")
        await s.hear("the old rules stay in force")
        assert (await ask(s.port, s.origin, "/x"))[0] == 403
        s.rules("allow")
        await s.tell("--reload")
        await s.hear("the new rules are in force", times=2)
        slow = asyncio.create_task(ask(s.port, s.origin, "/slow"))
        await asyncio.wait_for(answer.slow.wait(), 30)
        await s.tell("--end")
        await asyncio.sleep(0.5)
        with pytest.raises((ConnectionError, IndexError)):
            await ask(s.port, s.origin, "/late")
        status, reply = await slow
        assert status == 200 and reply.endswith(b"hello")
        assert await s.ended() == 0
    serve(sallyport, runner, exe, tmp_path, story)
    assert [r["verdict"] for r in records(tmp_path, "intent")] == ["allow", "deny", "deny", "allow"]
    assert [r["reason"] for r in records(tmp_path, "event")] == ["rules-changed", "rules-kept", "rules-changed"]
    assert records(tmp_path, "stop")[0]["reason"] == "end"


def test_the_consoles_wish_drains(sallyport, runner, exe, tmp_path):
    async def story(s):
        slow = asyncio.create_task(ask(s.port, s.origin, "/slow"))
        await asyncio.wait_for(answer.slow.wait(), 30)
        s.interrupt()
        status, reply = await slow
        assert status == 200 and reply.endswith(b"hello")
        assert await s.ended() == 0
    serve(sallyport, runner, exe, tmp_path, story)
    assert records(tmp_path, "stop")[0]["reason"] == "end"


def test_a_story_that_fails_takes_its_service_along(sallyport, runner, exe, tmp_path):
    """Of the tests themselves: what a failing one leaves running would keep the next ones waiting."""
    async def story(s):
        story.port = s.port
        raise AssertionError("told to fail")
    with pytest.raises(AssertionError, match="told to fail"):
        serve(sallyport, runner, exe, tmp_path, story)
    with socket.socket() as s:
        assert s.connect_ex(("127.0.0.1", story.port)) != 0


def test_nobody_ends_what_is_no_gateway(sallyport):
    done = sallyport("gateway", "--end", "4")
    assert done.returncode == 125 and "no gateway of yours" in done.stderr


def test_auth(sallyport, runner, exe, tmp_path):
    (tmp_path / "auth").write_text("robin:secret-1\n")
    if os.name == "nt":
        subprocess.run(["icacls", str(tmp_path / "auth"), "/inheritance:r", "/grant:r",
                        f"{os.environ['USERNAME']}:F"], check=True)
    else:
        (tmp_path / "auth").chmod(0o600)

    async def story(s):
        right, wrong = (base64.b64encode(b"robin:" + word).decode() for word in (b"secret-1", b"secret-2"))
        assert (await ask(s.port, s.origin, "/x"))[0] == 407
        assert (await ask(s.port, s.origin, "/x", f"Proxy-Authorization: Basic {wrong}\r\n"))[0] == 407
        assert (await ask(s.port, s.origin, "/x", f"Proxy-Authorization: Basic {right}\r\n"))[0] == 200
        await s.tell("--end")
        assert await s.ended() == 0
    serve(sallyport, runner, exe, tmp_path, story, "--auth", "auth")


def test_wrong_words_are_refused_before_anything_listens(sallyport, tmp_path):
    init_ca(sallyport)
    (tmp_path / "bad.rules").write_text("sorcery\n")
    (tmp_path / "good.rules").write_text("deny * **\n")
    (tmp_path / "open").write_text("a:b\n")
    (tmp_path / "open").chmod(0o644)
    common = ("--ca", "ca", "--record", "record")
    for options, words in [
            (("--listen", free_address(), "--rules", "bad.rules", *common), "bad.rules:1:"),
            (("--listen", "0.0.0.0:9", "--rules", "good.rules", *common), "--auth FILE"),
            (("--listen", free_address(), "--rules", "good.rules", "--ca", "none", "--record", "record"),
             "the CA cannot be used")]:
        done = sallyport("gateway", *options)
        assert done.returncode == 125 and words in done.stderr, done
    if os.name != "nt":  # there its folder's list lets nobody else in
        done = sallyport("gateway", "--listen", free_address(), "--rules", "good.rules", "--auth", "open", *common)
        assert done.returncode == 125 and "lets others in" in done.stderr, done


# ---- its record ----

def make_record(sallyport, runner, exe, tmp_path):
    async def story(s):
        for path in ("/one", "/two"):
            assert (await ask(s.port, s.origin, path))[0] == 200
        await s.tell("--end")
        assert await s.ended() == 0
    serve(sallyport, runner, exe, tmp_path, story, "--record-key", "sealing.key")
    return tmp_path / "record"


def native():
    """The build for this system, to hold the two against each other."""
    for path in filter(None, [os.environ.get("SALLYPORT"), *(ROOT / "build" / kind / "cli" / "sallyport"
                                                              for kind in ("dev", "release"))]):
        if pathlib.Path(path).exists():
            return str(path)
    pytest.skip("there is no Linux build: make test")


def test_a_record_is_sealed(sallyport, runner, exe, tmp_path):
    record = make_record(sallyport, runner, exe, tmp_path)
    assert sallyport("log", "verify", "--key", "record/key.pub", "record").returncode == 0
    secret = (tmp_path / "sealing.key").read_bytes()
    assert secret.startswith(b"sallyport-dpapi-1\n") and b"PRIVATE" not in secret
    # It is its user's alone, and so is the file that becomes one.
    start = ("gateway", "--listen", free_address(), "--rules", "s.rules", "--ca", "ca", "--record", "other",
             "--record-key")
    let_everyone_read(tmp_path / "sealing.key")
    done = sallyport(*start, "sealing.key")
    assert done.returncode != 0 and "the sealing key lets others in" in done.stderr, done
    (tmp_path / "planted.key.new").write_bytes(b"")
    let_everyone_read(tmp_path / "planted.key.new")
    done = sallyport(*start, "planted.key")
    assert done.returncode != 0 and "the sealing key cannot be written" in done.stderr, done
    assert not (tmp_path / "planted.key").exists() and (tmp_path / "planted.key.new").read_bytes() == b""
    segment = record / "000001.jsonl"
    text = segment.read_text()
    segment.write_text(text.replace("/one", "/ono"), newline="\n")
    done = sallyport("log", "verify", "--key", "record/key.pub", "record")
    assert done.returncode == 1 and "000001.jsonl:" in done.stdout + done.stderr, done
    segment.write_text(text, newline="\n")
    assert sallyport("log", "verify", "--key", "record/key.pub", "record").returncode == 0


def prove(program, cwd, *args):
    return subprocess.run([*program, *args], cwd=cwd, capture_output=True, text=True, timeout=60)


@wine_only
def test_records_and_proofs_cross_over(sallyport, runner, exe, tmp_path):
    """What one build sealed the other verifies, and its proof of one line; a changed line it does not."""
    linux, windows = [native()], [*runner, exe]
    make_record(sallyport, runner, exe, tmp_path)
    other = tmp_path / "linux"
    other.mkdir()
    (other / "s.rules").write_text("deny * **\n")
    assert prove(linux, other, "ca", "init", "ca").returncode == 0
    served = subprocess.Popen([*linux, "gateway", "--listen", free_address(), "--rules", "s.rules", "--ca", "ca",
                               "--record", "record", "--record-key", "k"], cwd=other,
                              stderr=subprocess.PIPE, text=True)
    said = ""
    while "serving" not in said:
        line = served.stderr.readline()
        assert line, f"it ended: {said}"
        said += line
    served.terminate()
    assert served.wait(30) == 0
    for folder, writer, reader in ((tmp_path, windows, linux), (other, linux, windows)):
        done = prove(reader, folder, "log", "verify", "--key", "record/key.pub", "record")
        assert done.returncode == 0 and "good:" in done.stdout, done
        proof = prove(writer, folder, "log", "prove", "0", "record")
        assert proof.returncode == 0, proof
        (folder / "proof").write_text(proof.stdout, newline="\n")
        done = prove(reader, folder, "log", "verify-proof", "--key", "record/key.pub", "proof")
        assert done.returncode == 0, done
        at = proof.stdout.index(max(proof.stdout.split(), key=len)) + 40  # within the record, in Base64
        changed = "A" if proof.stdout[at] != "A" else "B"
        (folder / "proof").write_text(proof.stdout[:at] + changed + proof.stdout[at + 1:], newline="\n")
        assert prove(reader, folder, "log", "verify-proof", "--key", "record/key.pub", "proof").returncode != 0

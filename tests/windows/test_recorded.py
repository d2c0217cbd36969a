"""The shipped program's whole way through a Windows that says yes: a stand-in userenv.dll answers for
what Wine lacks and writes down every call that matters (recorder.c). What is asked for, in which
order, and what is done when something fails or lies; relay, pipe, gateway and record are real."""
import http.server
import os
import pathlib
import re
import shutil
import socket
import subprocess
import threading

import pytest

if os.name == "nt":
    pytest.skip("this Windows has AppContainers", allow_module_level=True)

HERE = pathlib.Path(__file__).resolve().parent
PREFIX = HERE.parents[1] / "build" / "wineprefix-recorder"
LIES = {"container": "AppContainer", "restricted": "AppContainer", "capabilities": "AppContainer",
        "sid": "AppContainer", "integrity": "AppContainer", "mitigations": "mitigations", "job": "job",
        "grant": "file view", "firewall": "network isolation", "desktop": "desktop"}


@pytest.fixture(scope="module")
def drive(exe, runner):
    """Drive C of a prefix of its own, in which sallyport.exe alone finds the stand-in."""
    stand_in = os.environ.get("SALLYPORT_STAND_IN")
    if not stand_in:
        pytest.skip("SALLYPORT_STAND_IN names no userenv.dll: run make test-windows")
    env = {**os.environ, "SALLYPORT_WINEPREFIX": str(PREFIX), "SALLYPORT_WINE_SECONDS": "200"}
    key = r"HKCU\Software\Wine\AppDefaults\sallyport.exe\DllOverrides"
    for words in (["reg", "add", key, "/v", "userenv", "/d", "native", "/f"],
                  [exe, "doctor", "--repair"]):  # warm before the stand-in is there
        subprocess.run([*runner, *words], env=env, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    place = PREFIX / "drive_c" / "windows" / "system32" / "userenv.dll"
    place.unlink(missing_ok=True)
    shutil.copy(stand_in, place)
    return PREFIX / "drive_c"


class Origin(http.server.BaseHTTPRequestHandler):
    while_asked = None  # called once, in the middle of a run

    def do_GET(self):
        then, Origin.while_asked = Origin.while_asked, None
        if then:
            then(self.path)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


@pytest.fixture
def run(drive, runner, exe, tmp_path):
    """run(...) -> (CompletedProcess, lines of the recorder) of a client that asks for /ok and /no."""
    origin = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Origin)
    threading.Thread(target=origin.serve_forever, daemon=True).start()
    at = f"http://127.0.0.1:{origin.server_port}"
    name = re.sub(r"\W", "", tmp_path.name)
    project, records = drive / f"p-{name}", drive / f"r-{name}"
    shutil.rmtree(project, ignore_errors=True)
    project.mkdir()
    shutil.copy(os.environ["SALLYPORT_CLIENT"], project / "client.exe")
    def call(more_rules="", more=(), **env):
        (project / "sallyport.rules").write_text(
            f"allow GET {at}/ok private\nlimit memory 1GiB processes 5\n{more_rules}")
        log = drive / f"log-{name}.txt"
        log.unlink(missing_ok=True)
        shutil.rmtree(records, ignore_errors=True)
        done = subprocess.run(
            [*runner, exe, "run", "--record", f"C:\\{records.name}", "--", ".\\client.exe", f"{at}/ok", f"{at}/no", *more],
            cwd=project, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL, timeout=120,
            env={**os.environ, "SALLYPORT_WINEPREFIX": str(PREFIX), "SALLYPORT_WINE_SECONDS": "100",
                 "RECORDER": f"C:\\{log.name}", **env})
        return done, [line.split(" ", 1)[1] for line in log.read_text().splitlines()] if log.exists() else []
    call.origin = at
    call.project, call.records, call.runs, call.folder = project.name, records, drive, project
    yield call
    origin.shutdown()
    for folder in (project, records):
        shutil.rmtree(folder, ignore_errors=True)


def index(lines, start, after=-1):
    """Where the next line that begins like this stands."""
    return next(i for i in range(after + 1, len(lines)) if lines[i].startswith(start))


def left_behind(drive):
    return [str(path) for path in drive.glob("users/*/AppData/Local/sallyport/runs/*")]


def test_the_whole_way(run, runner, exe):
    done, lines = run()
    assert done.returncode == 0, (done.stdout, done.stderr, lines)
    assert done.stdout.split() == ["status", "200", "status", "403"]

    # In this order, with these arguments.
    at = -1
    for wanted in [r"profile sallyport-\w+ capabilities 0", r"profile-derived sallyport-",
                   r"service BFE", r"service MpsSvc",
                   # kill on close, die on exceptions, memory, processes (the relay is one more); no breakaway
                   r"job-limits flags 0x2608 memory 1073741824 processes 6$", r"job-ui 0xff$", r"job-read 9",
                   r"list \S+\\home with", r"list \S+\\view with",
                   rf"junction \S+\\view\\C\\{run.project} to \\\?\?\\C:\\{run.project}$",
                   rf"list \S+C:\\{run.project} with",
                   r"attribute capabilities sid S-1-15-2-1-2-3-4-5-6-7 count 0", r"attribute 0x2000d",
                   r"attribute mitigations", r"attribute packages 1$",
                   r"process \S+\\view\\relay.exe in \S+\\view flags 0x8040c desktop sallyport-\w+$", "RESUME$",
                   r"attribute capabilities", r"attribute handles 3$",
                   rf"process C:\\{run.project}\\client.exe in \S+\\view\\C\\{run.project} flags 0x80404 "
                   r"desktop sallyport-\w+$", "RESUME$", "terminate",
                   rf"list \S+C:\\{run.project} without", r"list \S+\\view without",
                   r"profile-deleted sallyport-"]:
        at = next((i for i in range(at + 1, len(lines)) if re.match(wanted, lines[i])), None)
        assert at is not None, (wanted, lines)
    assert at == len(lines) - 1

    # Between a process and its first instruction everything is read back, and nothing is changed.
    for nth in (1, 2):
        begin = -1
        for _ in range(nth):
            begin = index(lines, "process ", begin)
        between = lines[begin + 1:index(lines, "RESUME", begin)]
        for wanted in ("token 29", "token 31", "token 46", "token 30", "token 25", "mitigation ", "job-read 9",
                       "job-read 4", "job-read 15", "desktop-read", "service BFE", "service MpsSvc", "junction-read "):
            assert any(line.startswith(wanted) for line in between), (nth, wanted, between)
        for line in between:
            assert re.match("token|mitigation|job-read|desktop-read|service|junction-read", line), line
    assert left_behind(run.runs) == []

    env = {**os.environ, "SALLYPORT_WINEPREFIX": str(PREFIX)}
    shown = subprocess.run([*runner, exe, "log", "show", f"C:\\{run.records.name}"], env=env, capture_output=True,
                           text=True)
    assert re.search(r"allow +200.*/ok", shown.stdout) and re.search(r"deny +403.*/no", shown.stdout), shown
    sealed = subprocess.run([*runner, exe, "log", "verify", f"C:\\{run.records.name}"], env=env, capture_output=True,
                            text=True)
    assert sealed.returncode == 0 and "good:" in sealed.stdout, sealed


def undone(lines):
    """Each process that was made is terminated, each grant and the profile taken back."""
    made = [i for i, line in enumerate(lines) if line.startswith("process ") and not line.endswith("FAILS")]
    ended = [i for i, line in enumerate(lines) if line.startswith("terminate")]
    assert not made or (ended and ended[-1] > made[-1]), lines
    for path in {re.match(r"list (\S+) with$", line)[1] for line in lines if re.match(r"list \S+ with$", line)}:
        assert f"list {path} without" in lines or path.endswith("\\home"), (path, lines)
    if any(re.match(r"profile sallyport-\w+ capabilities 0$", line) for line in lines):
        assert lines[-1].startswith("profile-deleted"), lines


@pytest.mark.parametrize("lie", sorted(LIES))
def test_a_lie_ends_the_run_before_it_begins(run, lie):
    done, lines = run(RECORDER_LIE=lie)
    assert done.returncode == 125 and f"the protection `{LIES[lie]}` cannot be put up" in done.stderr, (done, lines)
    assert not [line for line in lines if line.startswith("RESUME")] and done.stdout == ""
    undone(lines)
    assert left_behind(run.runs) == []


def test_a_call_that_fails_ends_the_run(run):
    """One of each kind of call, up to the command's first instruction."""
    done, lines = run()
    last = index(lines, "RESUME", index(lines, "RESUME"))
    kinds = {}
    for k, line in enumerate(lines[:last + 1]):
        kinds[re.sub(r"sallyport-\w+|run-\w+", "", " ".join(line.split()[:2]))] = k + 1  # the last of its kind
    assert len(kinds) > 20, kinds
    for kind, k in kinds.items():
        done, lines = run(RECORDER_FAIL=str(k))
        assert done.returncode == 125 and done.stdout == "", (kind, k, done, lines)
        assert lines[k - 1].endswith(" FAILS"), (kind, k, lines)
        command = next((i for i, line in enumerate(lines) if line.startswith("process C:\\p")), len(lines))
        assert "RESUME" not in lines[command:], (kind, lines)
        undone(lines)
        assert left_behind(run.runs) == [], (kind, lines)


def test_what_cannot_be_taken_back_keeps_nothing_else(run):
    """The rest is taken back all the same, and the next run finishes it."""
    project = f"list \\\\?\\C:\\{run.project}"
    _, lines = run()
    k = lines.index(f"{project} without") + 1
    done, lines = run(RECORDER_FAIL=str(k))
    assert done.returncode == 0 and lines[k - 1] == f"{project} without FAILS", (done, lines)
    assert f"{project}\\client.exe without" in lines[k:] and lines[-1].startswith("profile-deleted"), lines
    assert len(left_behind(run.runs)) == 1
    _, lines = run()
    assert lines[0].startswith("profile-deleted"), lines  # by then the stand-in is loaded
    assert left_behind(run.runs) == []


def listeners():
    """Ports of 127.0.0.1 on which the prefix's programs listen: Wine's server holds their sockets."""
    sockets = set()
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if "wineserver" in (process / "comm").read_text() and str(PREFIX).encode() in (process / "environ").read_bytes():
                sockets |= {os.readlink(fd) for fd in (process / "fd").iterdir()}
        except OSError:
            pass
    rows = (line.split() for line in open("/proc/net/tcp").readlines()[1:])
    return [int(row[1][9:], 16) for row in rows
            if row[3] == "0A" and row[1].startswith("0100007F") and f"socket:[{row[9]}]" in sockets]


def test_nobody_but_the_relay_is_heard_by_the_gateway(run):
    """Two listen: the relay, which Wine does not keep others from, and behind the pipe the gateway."""
    answers = []

    def knock(_):
        for port in listeners():
            with socket.create_connection(("127.0.0.1", port), timeout=20) as s:
                s.sendall(f"GET {run.origin}/no HTTP/1.1\r\nHost: {run.origin[7:]}\r\n\r\n".encode())
                try:
                    answers.append(s.recv(12))
                except ConnectionError:
                    answers.append(b"")
    Origin.while_asked = knock
    done, _ = run()
    assert done.stdout.split() == ["status", "200", "status", "403"], done
    assert sorted(answers) == [b"", b"HTTP/1.1 403"], answers


def test_statements(run, drive):
    """Folders are granted as they are named; verified ones are copied, the copy is shown and granted."""
    other, vendor = drive / f"o-{run.project}", drive / f"v-{run.project}"
    for folder in (other, vendor):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    (vendor / "a").write_text("one\n")
    (drive / f"{vendor.name}.sha256").write_text(
        "2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806  a\n")
    try:
        done, lines = run(f"write C:/{other.name}\nverify ../{vendor.name} with ../{vendor.name}.sha256\n"
                          f"hide C:/elsewhere\n")
        assert done.returncode == 0, (done, lines)
        index(lines, f"list \\\\?\\C:\\{other.name} with")
        copied = next(line for line in lines if re.match(rf"junction \S+\\view\\C\\{vendor.name} to ", line))
        assert re.search(rf" to \\\?\?\\C:\\{run.records.name}\\verified-", copied), copied
        assert not [line for line in lines if line.startswith(f"list \\\\?\\C:\\{vendor.name}")]
        assert not list(run.records.glob("verified-*"))
        undone(lines)
    finally:
        for folder in (other, vendor):
            shutil.rmtree(folder, ignore_errors=True)
        (drive / f"{vendor.name}.sha256").unlink()


def test_the_page_of_the_rules_is_held(run):
    """Wine knows no container, but who shares what: another file beside it can be changed."""
    (run.folder / "other.txt").write_text("x")
    done, _ = run(more=[f"change:C:\\{run.project}\\sallyport.rules", f"change:C:\\{run.project}\\other.txt"])
    assert done.stdout.split()[4:] == ["write", "32", "delete", "32", "writes", "deletes"], done
    assert (run.folder / "sallyport.rules").exists()


@pytest.mark.parametrize("statement, words", [
    ("hide secret", "cannot be hidden inside the second"), ("read below", "cannot be kept from writing inside"),
    ("verify below with below.sha256", "cannot be laid over")])
def test_statements_that_would_not_hold_are_refused(run, statement, words):
    (run.folder / "below").mkdir()
    (run.folder / "below" / "a").write_text("one\n")
    (run.folder / "below.sha256").write_text(
        "2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806  a\n")
    done, lines = run(f"{statement}\n")
    assert done.returncode == 125 and words in done.stderr, (done, lines)
    assert not [line for line in lines if line.startswith(("process", "list"))]
    undone(lines)
    assert left_behind(run.runs) == []

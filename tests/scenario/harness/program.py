"""Runs the program under test, and looks at what it left behind."""
import collections
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time

from harness import schema

SANITIZER = re.compile(r"ERROR: (Address|Leak|Thread)Sanitizer|runtime error: |Sanitizer: CHECK failed")


class Result:
    def __init__(self, status, out, err, record):
        self.status, self.out, self.err, self.record = status, out, err, record
        self.records = read_record(record)

    def of(self, kind, **wanted):
        """The records of a kind whose fields have these values."""
        return [r for r in self.records
                if r["kind"] == kind and all(r.get(name) == value for name, value in wanted.items())]

    def __repr__(self):
        lines = "\n".join(json.dumps(r) for r in self.records if r["kind"] != "start")
        return f"status {self.status}\n--- out\n{self.out[-4000:]}\n--- err\n{self.err[-4000:]}\n--- record\n{lines[-6000:]}"


def read_record(folder):
    records = []
    for path in sorted(pathlib.Path(folder).glob("*.jsonl")) if folder else []:
        records += [json.loads(line) for line in path.read_text().splitlines()]
    return records


def children():
    """Living children of this process. It is a subreaper: orphans of a run become its children."""
    found = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                if int(fields[1]) == os.getpid() and fields[0] != "Z":
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except (FileNotFoundError, ProcessLookupError):
                pass
    return found


class Run:
    """A run under way."""

    def __init__(self, sally, process, record, before):
        self.sally, self.process, self.record, self.before = sally, process, record, before
        self.heard = {origin: len(origin.requests) for origin in sally.origins}

    def gateway_pid(self):
        """The run's child that is not in the jail: it is confined."""
        for child in self._children_of(self.process.pid):
            try:
                if "\nSeccomp:\t2\n" in pathlib.Path(f"/proc/{child}/status").read_text():
                    return child
            except OSError:
                pass
        raise AssertionError("no gateway process found")

    @staticmethod
    def _children_of(pid):
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1]) == pid:
                        found.append(int(entry.name))
                except (FileNotFoundError, ProcessLookupError):
                    pass
        return found

    def finish(self, timeout=30, check=True, input=None):
        try:
            out, err = self.process.communicate(input, timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, err = self.process.communicate()
            raise AssertionError(f"not over after {timeout} s\n--- out\n{out}\n--- err\n{err}") from None
        result = Result(self.process.returncode, out or "", err or "", self.record)
        assert not SANITIZER.search(result.err), result
        self.sally.check_nothing_left(self.before)
        schema.check(result.records)
        self.sally.check_seal(self.record, result)
        if check:
            self.sally.check_record(result, self.heard)
        return result


class Sally:
    """The program, as one user. `folder` is the working folder of every run and can be written by that user."""

    def __init__(self, program, user, base):
        self.program, self.user, self.base = program, user, base
        self.folder = base / "project"
        self.home = base / "home"
        self.origins = []
        self.nameserver = None
        self.upstream_ca = None
        self.runs = 0
        for folder in (self.folder, self.home):
            folder.mkdir()
            self.own(folder)

    def own(self, path):
        if self.user.switches:
            os.chown(path, self.user.uid, self.user.gid)

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        self.own(path)
        return path

    def environment(self, extra=None):
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.home), "LANG": "C.UTF-8", "USER": self.user.name,
               "ASAN_OPTIONS": "detect_leaks=1", "UBSAN_OPTIONS": "print_stacktrace=1"}
        env.update(extra or {})
        return env

    def popen(self, argv, **keys):
        """Any command as this user, in the working folder."""
        keys.setdefault("cwd", self.folder)
        keys.setdefault("env", self.environment())
        if self.user.switches:
            keys.update(user=self.user.uid, group=self.user.gid, extra_groups=[])
        return subprocess.Popen([str(word) for word in argv], **keys)

    def start(self, *command, rules=None, options=(), stdin=subprocess.DEVNULL, env=None, through=(), **keys):
        """Starts `sallyport run`. rules: text. through: words in front of the program, `prlimit` for one."""
        self.runs += 1
        record = pathlib.Path(tempfile.mkdtemp(prefix=f"record{self.runs}-", dir=self.base))
        self.own(record)
        argv = [*through, self.program, "run", "--record", record]
        if rules is not None:
            argv += ["--rules", self.write("test.rules", rules)]
        if self.upstream_ca is not None:
            argv += ["--upstream-ca", self.upstream_ca]
        if self.nameserver is not None:
            argv += ["--dns", f"127.0.0.1:{self.nameserver.port}"]
        before = children()
        process = self.popen([*argv, *options, "--", *command], stdin=stdin, env=self.environment(env),
                             stdout=keys.pop("stdout", subprocess.PIPE), stderr=keys.pop("stderr", subprocess.PIPE),
                             text=True, errors="replace", **keys)
        return Run(self, process, record, before)

    def run(self, *command, timeout=30, check=True, **keys):
        """Runs to the end; every run is asked whether it left a process, or forwarded what is not on record."""
        return self.start(*command, **keys).finish(timeout, check)

    def python(self, script, *arguments, **keys):
        """Runs a Python script inside the jail, with the module `inside` beside it."""
        return self.run("/usr/bin/python3", self._client(script), *arguments, **keys)

    def start_python(self, script, *arguments, **keys):
        """The same, under way: what it reads of its stdin is the test's to say."""
        return self.start("/usr/bin/python3", self._client(script), *arguments, stdin=subprocess.PIPE, **keys)

    def _client(self, script):
        self.write("inside.py", pathlib.Path(__file__).with_name("inside.py").read_text())
        return self.write("client.py", script)

    def verb(self, *words, **keys):
        """Another verb, or a `run` spelled out by the test."""
        return self.run_in([self.program, *words], **keys)

    def run_in(self, argv, timeout=60, **keys):
        """A command line that starts the program somewhere inside."""
        before = children()
        process = self.popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                             **keys)
        out, err = process.communicate(timeout=timeout)
        assert not SANITIZER.search(err), err
        self.check_nothing_left(before)
        return Result(process.returncode, out, err, None)

    # ---- what holds after every run

    @staticmethod
    def check_nothing_left(before):
        for _ in range(100):
            left = {pid: name for pid, name in children().items() if pid not in before}
            if not left:
                return
            time.sleep(0.05)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        raise AssertionError(f"processes were left behind: {left}")

    def check_seal(self, record, result):
        """What the run wrote, killed or not, is what it signed."""
        if not any(record.glob("*.jsonl")):
            return  # ended before there was anything to record: the key may be there already
        said = subprocess.run([self.program, "log", "verify", "--key", record / "key.pub", record], text=True,
                              capture_output=True, timeout=30)
        assert said.returncode == 0, f"{said.stdout}{said.stderr}{result}"

    def check_record(self, result, heard):
        """Whatever an origin saw was recorded as allowed, once each, and came to an end on record."""
        intents = result.of("intent")
        allowed = [r for r in intents if r["verdict"] != "deny"]
        on_record = collections.Counter(
            (r.get("method"), r.get("path", "") + ("?" + r["query"] if r.get("query") else "")) for r in allowed)
        seen = collections.Counter(pair for origin in self.origins for pair in origin.paths()[heard.get(origin, 0):])
        assert not seen - on_record, f"forwarded and not recorded: {seen - on_record}\n{result}"
        outcomes = [r["request"] for r in result.of("outcome")]
        assert sorted(outcomes) == sorted(r["request"] for r in allowed), f"INTENT without its one OUTCOME\n{result}"
        position = {r["request"]: r["seq"] for r in allowed}
        assert all(position[r["request"]] < r["seq"] for r in result.of("outcome")), result
        assert [r["seq"] for r in result.records] == list(range(len(result.records))), result

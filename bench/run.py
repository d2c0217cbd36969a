#!/usr/bin/env python3
"""The gateway beside other proxies, a run's start, and the record's writer: run.py PROGRAM LOAD ORIGIN [OPTION...]

  --rounds N      how often each is measured, by turns (5)      --minutes N   bound of all of it (25; quick: 4)
  --quick         less work, one round                          --out FOLDER  for latest.json and latest.svg
  --cases, --proxies NAME,...                                   what, of cases.py (and start, writer, verify); who

One origin, one load generator, one proxy at a time between them, in an order that turns with each round. A figure is
CPU time of the proxy's processes between "ready" (connections made, one request answered on each) and the last answer,
divided by units of work. What is not installed, or fails a request, is named and left out. Loopback alone.
"""
import argparse
import json
import os
import pathlib
import resource
import ssl
import socket
import subprocess
import sys
import tempfile
import time

import chart
import others
import processes
import proxies
import report
from cases import CASES, asked, generator_words

FILES = 40000


class Origins:
    """Two of them: one gives session tickets, one does not."""

    def __init__(self, program, folder):
        self.context = ssl._create_unverified_context()
        self.port, self.running = {}, []
        for tickets in (True, False):
            self.port[tickets] = proxies.free_port()
            argv = [program, folder / "leaf.both", str(self.port[tickets]), *([] if tickets else ["no-tickets"])]
            self.running.append(subprocess.Popen(argv))
        for port in self.port.values():
            self.wait(port)

    def wait(self, port):
        for _ in range(100):
            try:
                return self.count(port)
            except OSError:
                time.sleep(0.05)
        raise SystemExit("run.py: the origin does not answer")

    def count(self, port):
        """What the origin was asked so far, without this question."""
        with socket.create_connection(("127.0.0.1", port), timeout=10) as plain, \
                self.context.wrap_socket(plain, server_hostname="localhost") as secure:
            secure.sendall(b"GET /count HTTP/1.1\r\nHost: localhost\r\n\r\n")
            answer = b""
            while b"}" not in answer:
                answer += secure.recv(4096)
        counted = json.loads(answer.partition(b"\r\n\r\n")[2])
        self.asked = getattr(self, "asked", {})
        self.asked[port] = self.asked.get(port, 0) + 1
        return {"connections": counted["connections"] - self.asked[port], "resumed": counted["resumed"],
                "requests": counted["requests"] - self.asked[port]}

    def end(self):
        for process in self.running:
            process.kill()
            process.wait()


class Generator:
    """The load generator, up to "ready" when it has that."""

    def __init__(self, proxy, words, options, seconds=60):
        seconds = max(5, int(min(seconds, options.end - time.monotonic())))
        argv = [options.load, f"at=127.0.0.1:{proxy.port}", f"host=localhost:{proxy.origin}", f"seconds={seconds}", *words]
        argv += [proxy.way] if proxy.way else []
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.line = self.process.stdout.readline()

    def go(self):
        if self.line == "ready\n":
            self.process.stdin.write("go\n")
            self.process.stdin.flush()
            self.line = self.process.stdout.readline()
        return self.told()

    def told(self):
        if not self.line.startswith("{"):
            raise RuntimeError(f"the load generator said {self.line!r}")
        told = json.loads(self.line)
        if told["done"] == 0:
            raise RuntimeError(f"no answer in the time there was, {told['failed']} failed {told['first_failure']}")
        if told["failed"] > told["done"] / 20:
            raise RuntimeError(f"{told['failed']} failed, {told['done']} did not; the first was {told['first_failure']}")
        return told

    def end(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def drive(proxy, words, per, options):
    """One figure of work done."""
    began, before = processes.cpu(proxy.process.pid), options.origins.count(proxy.origin)
    load = Generator(proxy, words, options)
    try:
        if load.line == "ready\n":
            began, before = processes.cpu(proxy.process.pid), options.origins.count(proxy.origin)
        told = load.go()
        used = processes.cpu(proxy.process.pid) - began
        after = options.origins.count(proxy.origin)
    finally:
        load.end()
    if after["requests"] - before["requests"] < told["done"]:
        raise RuntimeError("answers that the origin did not give")
    return {"cpu_us": used * 1e6 / told["done"] / per, "per_second": told["done"] * per / told["seconds"],
            "peak_kib": processes.peak_kib(proxy.process.pid), **{k: told[k] for k in ("p50_us", "p99_us", "p999_us")},
            "failed": told["failed"], "tls": told["tls"], "suite": told["suite"],
            "client_handshakes": told["handshakes"] / told["done"],
            "client_resumed": (told["handshakes"] - told["full_handshakes"]) / told["done"],
            "origin_connections": (after["connections"] - before["connections"]) / told["done"],
            "origin_resumed": (after["resumed"] - before["resumed"]) / told["done"]}


def hold(proxy, words, options):
    """Bytes of the proxy for each connection that is idle; some were there before, and are gone."""
    Generator(proxy, ["path=/bytes/1024", "connections=32", "requests=320"], options).end()
    time.sleep(1)
    before = processes.resident_kib(proxy.process.pid)
    load = Generator(proxy, words, options, seconds=150)
    try:
        if load.line != "ready\n":  # what was made of them must not pass for all
            raise RuntimeError(f"not all connections were made in the time there was: {load.line[:200]!r}")
        time.sleep(5)
        after = processes.resident_kib(proxy.process.pid)
    finally:
        load.end()
    number = int(next(word for word in words if word.startswith("connections=")).split("=")[1])
    return {"kib_each": (after - before) / number, "connections": number, "peak_kib": processes.peak_kib(proxy.process.pid)}


def measure(case, name, number, options):
    kind = proxies.PROXIES[name]
    words, per = generator_words(CASES[case], kind.slow, options.quick, options.files)
    proxy = kind(options.folder / f"{number}-{case}-{name}", options.origins.port[CASES[case].tickets], options)
    try:
        figure = hold(proxy, words, options) if "hold" in words else drive(proxy, words, per, options)
    finally:
        proxy.end()
    return {**figure, "asked": " ".join(words)}


class Run:
    """All rounds. A proxy that fails a figure twice in a row is left out from there on."""

    def __init__(self, options):
        self.options, self.samples, self.left_out, self.rounds = options, {}, {}, 0
        self.once = 0  # seconds that the first round took for what no other round does
        options.end = self.end = time.monotonic() + options.minutes * 60

    def keep(self, case, name, number, figure):
        self.samples.setdefault(case, {}).setdefault(name, {})[number] = figure

    def figure(self, case, name, number):
        for again in (False, True):
            try:
                self.keep(case, name, number, measure(case, name, number, self.options))
                return
            except (RuntimeError, ValueError, OSError) as error:
                print(f"{case} {name}: {error}", file=sys.stderr)
                if again or time.monotonic() > self.end:
                    self.left_out[f"{case} {name}"] = f"round {number + 1}: {error}"
                    return

    def case(self, case, number):
        for turn in range(1 if self.options.quick else CASES[case].turns):
            self.turn(case, number * CASES[case].turns + turn)

    def turn(self, case, number):
        names = [n for n in self.options.names if asked(CASES[case], n, n in proxies.PLAIN)]
        names = names[number % len(names):] + names[:number % len(names)] if names else []
        for name in names:
            if time.monotonic() > self.end:
                self.left_out.setdefault(f"{case} {name}", f"round {number + 1}: no time was left")
            elif f"{case} {name}" not in self.left_out:
                self.figure(case, name, number)
        if CASES[case].floor and self.options.floor:
            for name in others.FLOORS:
                self.keep(case, name, number, others.floor_sample(self.options.floor, CASES[case], name))

    def other(self, case, number):
        if time.monotonic() > self.end:
            self.left_out[case] = f"round {number + 1}: no time was left"
            return
        try:
            for who, figure in others.OTHERS[case](self.options, number).items():
                self.keep(case, who, number, figure)
        except (RuntimeError, ValueError, OSError) as error:
            self.left_out[case] = f"round {number + 1}: {error}"
            print(f"{case}: {error}", file=sys.stderr)

    def round(self, number):
        for case in self.options.cases:
            once, began = case == "verify" or case in CASES and CASES[case].once, time.monotonic()
            if once and number:
                continue
            (self.other if case in others.OTHERS else self.case)(case, number)
            self.once += (time.monotonic() - began) * once

    def all(self, after_round):
        seconds = 0
        for number in range(self.options.rounds):
            began = time.monotonic()
            if number and began + seconds > self.end:
                print(f"{number} rounds: another would take longer than {self.options.minutes:g} minutes in all")
                break
            self.round(number)
            self.rounds = number + 1
            seconds = time.monotonic() - began - (0 if number else self.once)
            after_round()
            print(f"round {number + 1} of {self.options.rounds}: {seconds:.0f} s", file=sys.stderr)


def raise_file_limit():
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, max(FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    except (ValueError, OSError):  # not root
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, FILES), hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def parse():
    p = argparse.ArgumentParser()
    for name in ("program", "load", "origin"):
        p.add_argument(name, type=lambda text: str(pathlib.Path(text).resolve()))
    p.add_argument("--rounds", type=int)
    p.add_argument("--minutes", type=float)
    p.add_argument("--quick", action="store_true")
    p.add_argument("--cases", default=",".join([*CASES, *others.OTHERS]))
    p.add_argument("--proxies", default=",".join(proxies.PROXIES))
    p.add_argument("--writer", help="the program bench_writer")
    p.add_argument("--floor", help="the program bench_floor")
    p.add_argument("--out", default=pathlib.Path(__file__).resolve().parent / "results", type=pathlib.Path)
    options = p.parse_args()
    options.cases, options.rounds = options.cases.split(","), options.rounds or (1 if options.quick else 5)
    options.minutes = options.minutes or (4 if options.quick else 25)
    if options.quick and "verify" in options.cases:
        options.cases.remove("verify")
    for known, named in (([*CASES, *others.OTHERS], options.cases), (proxies.PROXIES, options.proxies.split(","))):
        for name in named:
            if name not in known:
                p.error(f"{name}: not one of {', '.join(known)}")
    return options


def main():
    options = parse()
    named = options.proxies.split(",")
    options.names = [name for name in named if proxies.installed(name)]
    options.files = raise_file_limit()
    run = Run(options)
    for name in named:
        if name not in options.names:
            run.left_out[name] = "not installed"
            print(f"not installed, left out: {name}")
    told = {"began": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), "quick": options.quick,
            "machine": processes.machine(options.program), "load_average_before": os.getloadavg()}
    with tempfile.TemporaryDirectory(prefix="bench-", dir="/var/tmp") as folder:
        options.folder = pathlib.Path(folder)
        options.folder.chmod(0o755)
        proxies.make_certificates(options.folder)
        options.origins = Origins(options.origin, options.folder)
        try:
            run.all(lambda: save(told, run, options))
        finally:
            options.origins.end()
    report.show(told)


def save(told, run, options):
    """After each round, so that what ends a long run early takes nothing away."""
    told |= {"load_average_after": os.getloadavg(), "rounds": run.rounds, "left_out": run.left_out,
             "without": {case: CASES[case].without for case in options.cases if case in CASES and CASES[case].without},
             "cases": report.summary(run.samples)}
    options.out.mkdir(exist_ok=True)
    (options.out / "latest.json").write_text(json.dumps(told, indent=1) + "\n")
    chart.write(told, options.out / "latest.svg")


if __name__ == "__main__":
    main()

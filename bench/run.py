#!/usr/bin/env python3
"""The gateway beside other proxies: run.py PROGRAM LOAD ORIGIN [--rounds N] [--quick] [--out FOLDER]

One origin, one load generator, every proxy with one worker, by turns in each round. A figure is CPU time of the
proxy's processes (their CPU clocks, children included) between "ready" (connections made, one request answered on
each) and the last answer, divided by units of work. Peers that are not installed are named and left out.
Loopback alone. Writes latest.json and latest.svg.
"""
import argparse
import json
import os
import pathlib
import platform
import pwd
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

MIB = 1 << 20
# name, what is counted, options of the generator, units of one (bytes or requests), whose tickets the origin gives
CASES = {
    "get-1k": ("request", "path=/bytes/1024 connections=32 requests=20000 wait", 1, True),
    "get-64k": ("request", "path=/bytes/65536 connections=32 requests=2000 wait", 1, True),
    "new-pair": ("connection pair", "path=/close/bytes/1024 connections=8 per-connection=1 requests=400", 1, False),
    "new-pair-resumed": ("connection pair", "path=/close/bytes/1024 connections=8 per-connection=1 requests=400 resume", 1, True),
    "bulk-100m": ("MiB", "path=/bytes/104857600 connections=1 requests=2 wait", 100, True),
    "upload-1m": ("MiB", "path=/sink upload=1048576 connections=4 requests=60 wait", 1, True),
}


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def tree(pid):
    """A process and what it started, at this moment."""
    found = [pid]
    for one in found:
        for task in pathlib.Path(f"/proc/{one}/task").glob("*/children"):
            try:
                found += [int(child) for child in task.read_text().split()]
            except OSError:
                pass
    return found


def cpu(pid):
    """Seconds on processors: each process's CPU clock (clock_getcpuclockid(3)), and children that ended."""
    total, tick = 0.0, os.sysconf("SC_CLK_TCK")
    for one in tree(pid):
        try:
            total += time.clock_gettime((~one << 3) | 2)
            fields = pathlib.Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
            total += (int(fields[13]) + int(fields[14])) / tick
        except OSError:
            pass
    return total


def peak(pid):
    """KiB, the most that was resident, of all processes."""
    total = 0
    for one in tree(pid):
        try:
            status = pathlib.Path(f"/proc/{one}/status").read_text()
            total += int(status.split("VmHWM:")[1].split()[0])
        except (OSError, IndexError):
            pass
    return total


def make_certificates(folder):
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "3", "-subj", "/CN=Bench CA")
    openssl("req", "-new", *key, "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=localhost")
    (folder / "leaf.ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=critical,CA:FALSE\n"
                                     "keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n")
    openssl("x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "2", "-out", "leaf.pem",
            "-extfile", "leaf.ext")
    (folder / "leaf.both").write_text((folder / "leaf.pem").read_text() + (folder / "leaf.key").read_text())
    (folder / "ca.both").write_text((folder / "ca.pem").read_text() + (folder / "ca.key").read_text())


class Proxy:
    """One proxy in front of one origin; `way` is what the generator must do to go through it."""
    way = "proxy"

    def __init__(self, folder, origin_port, options):
        self.folder, self.origin, self.options, self.port = folder, origin_port, options, free_port()
        folder.mkdir()
        folder.chmod(0o755)
        self.said = open(folder / "said", "w")
        self.process = subprocess.Popen(self.argv(), stdin=subprocess.DEVNULL, stdout=self.said, stderr=self.said, cwd=folder)
        for _ in range(400):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError((folder / "said").read_text()[-600:])

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.said.close()


class Sallyport(Proxy):
    needs, durability, n_rules = None, "buffered", 10

    def argv(self):
        o = self.options
        rules = [f"allow GET host{i}.example/path{i}/**" for i in range(self.n_rules - 1)]
        (self.folder / "rules").write_text("\n".join([*rules, f"allow GET,PUT localhost:{self.origin}/** private", ""]))
        subprocess.run([o.program, "ca", "init", "ca"], cwd=self.folder, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        return [o.program, "gateway", "--listen", f"127.0.0.1:{self.port}", "--rules", "rules", "--ca", "ca", "--record",
                "record", "--record-key", "record.key", "--upstream-ca", o.folder / "ca.pem", "--workers", "1",
                "--durability", self.durability, "--drain", "1"]


class SallyportDurable(Sallyport):
    durability = "durable"


class Sallyport1000(Sallyport):
    n_rules = 1000


class Sallyport10000(Sallyport):
    n_rules = 10000


class Nginx(Proxy):
    needs, way = "nginx", ""

    def argv(self):
        o = self.options
        (self.folder / "nginx.conf").write_text(f"""
daemon off; master_process off; pid {self.folder}/pid; error_log {self.folder}/error.log;
events {{ worker_connections 12000; }}
http {{
    access_log {self.folder}/access.log; client_max_body_size 0; keepalive_requests 1000000000;
    client_body_temp_path {self.folder}/b; proxy_temp_path {self.folder}/p; fastcgi_temp_path {self.folder}/f;
    uwsgi_temp_path {self.folder}/u; scgi_temp_path {self.folder}/s; proxy_request_buffering off; proxy_max_temp_file_size 0;
    upstream origin {{ server 127.0.0.1:{self.origin}; keepalive 64; keepalive_requests 1000000000; }}
    server {{
        listen 127.0.0.1:{self.port} ssl; server_name localhost;
        ssl_certificate {o.folder}/leaf.pem; ssl_certificate_key {o.folder}/leaf.key; ssl_protocols TLSv1.2 TLSv1.3;
        ssl_session_cache shared:c:4m;
        location / {{
            proxy_pass https://origin; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
            proxy_ssl_name localhost; proxy_ssl_server_name on; proxy_ssl_verify on; proxy_ssl_protocols TLSv1.2 TLSv1.3;
            proxy_ssl_trusted_certificate {o.folder}/ca.pem;
        }}
    }}
}}
""")
        return ["nginx", "-c", self.folder / "nginx.conf", "-p", self.folder, "-e", self.folder / "error.log"]


class Haproxy(Proxy):
    needs, way = "haproxy", ""

    def argv(self):
        o = self.options
        (self.folder / "cfg").write_text(f"""
global
    nbthread 1
defaults
    mode http
    timeout connect 10s
    timeout client 600s
    timeout server 600s
    http-reuse always
frontend f
    bind 127.0.0.1:{self.port} ssl crt {o.folder}/leaf.both alpn http/1.1
    default_backend b
backend b
    server s 127.0.0.1:{self.origin} ssl verify required ca-file {o.folder}/ca.pem sni str(localhost) verifyhost localhost
""")
        return ["haproxy", "-db", "-f", self.folder / "cfg"]


class Squid(Proxy):
    needs = "squid"

    def argv(self):
        o = self.options
        helper = "/usr/lib/squid/security_file_certgen"
        subprocess.run([helper, "-c", "-s", self.folder / "db", "-M", "4MB"], check=True, stdout=subprocess.DEVNULL)
        (self.folder / "hosts").write_text("127.0.0.1 localhost\n")
        (self.folder / "conf").write_text(f"""
http_port 127.0.0.1:{self.port} ssl-bump tls-cert={o.folder}/ca.both generate-host-certificates=on dynamic_cert_mem_cache_size=4MB
sslcrtd_program {helper} -s {self.folder}/db -M 4MB
sslcrtd_children 1
acl step1 at_step SslBump1
ssl_bump peek step1
ssl_bump bump all
tls_outgoing_options cafile={o.folder}/ca.pem
http_access allow localhost
cache deny all
hosts_file {self.folder}/hosts
access_log stdio:{self.folder}/access.log
cache_log {self.folder}/cache.log
pid_filename none
coredump_dir {self.folder}
max_filedescriptors 20000
shutdown_lifetime 1 seconds
""")
        if os.geteuid() == 0:  # it gives up being root by itself
            user = pwd.getpwnam("proxy")
            for path in (self.folder, *self.folder.rglob("*")):
                os.chown(path, user.pw_uid, user.pw_gid)
        return ["squid", "-N", "-f", self.folder / "conf"]


class Mitmproxy(Proxy):
    needs = "mitmdump"

    def argv(self):
        return ["mitmdump", "-q", "--listen-host", "127.0.0.1", "-p", str(self.port), "--set", "confdir=conf", "--set",
                f"ssl_verify_upstream_trusted_ca={self.options.folder}/ca.pem"]


PROXIES = {"sallyport": Sallyport, "sallyport-durable": SallyportDurable, "sallyport-1000-rules": Sallyport1000,
           "sallyport-10000-rules": Sallyport10000, "nginx": Nginx, "haproxy": Haproxy, "squid": Squid,
           "mitmproxy": Mitmproxy}


def skip(case, name):
    return "rules" in name and case != "get-1k" or name == "sallyport-durable" and case != "get-1k"


def measure(case, proxy, options):
    """One figure, or raises with the generator's words."""
    unit, words, units, _ = CASES[case]
    words = words.split()
    if isinstance(proxy, Mitmproxy):  # tens of times slower: fewer, so that the end comes
        words = ["requests=1000" if w == "requests=20000" else "requests=200" if w == "requests=2000" else
                 "requests=50" if w == "requests=400" else w for w in words]
    argv = [options.load, f"at=127.0.0.1:{proxy.port}", f"host=localhost:{proxy.origin}", "seconds=60", *words]
    argv += [proxy.way] if proxy.way else []
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as load:
        before = cpu(proxy.process.pid)
        line = load.stdout.readline()
        if line == "ready\n":
            before = cpu(proxy.process.pid)
            load.stdin.write("go\n")
            load.stdin.flush()
            line = load.stdout.readline()
        after = cpu(proxy.process.pid)
        load.stdin.close()
        told = json.loads(line)
    if told["failed"] or not told["done"]:
        raise RuntimeError(f"{told['failed']} failed: {line.strip()}")
    return {"cpu_us": (after - before) * 1e6 / told["done"] / units, "per_second": told["done"] * units / told["seconds"],
            "peak_kib": peak(proxy.process.pid), **{k: told[k] for k in ("p50_us", "p99_us", "p999_us", "tls")}}


def start_origins(options):
    origins = {}
    for tickets in (True, False):
        port = free_port()
        argv = [options.origin, options.folder / "leaf.both", str(port), *([] if tickets else ["no-tickets"])]
        origins[tickets] = (port, subprocess.Popen(argv))
    time.sleep(0.3)
    return origins


def run(options, names, origins):
    samples, failures = {}, {}
    for number in range(options.rounds):
        for case in options.cases:
            port = origins[CASES[case][3]][0]
            for name in names:
                if skip(case, name) or (case, name) in failures:
                    continue
                try:
                    proxy = PROXIES[name](options.folder / f"{number}-{case}-{name}", port, options)
                    try:
                        samples.setdefault(case, {}).setdefault(name, []).append(measure(case, proxy, options))
                    finally:
                        proxy.end()
                except (RuntimeError, ValueError) as error:
                    failures[case, name] = str(error)
                    print(f"{case} {name}: left out: {error}", file=sys.stderr)
    return samples, {f"{case} {name}": text for (case, name), text in failures.items()}


def summary(samples):
    out = {}
    for case, by_name in samples.items():
        for name, rounds in by_name.items():
            one = {}
            for key in ("cpu_us", "per_second", "p50_us", "p99_us", "p999_us", "peak_kib"):
                values = [value[key] for value in rounds]
                one[key] = {"median": statistics.median(values), "min": min(values), "max": max(values)}
            one |= {"unit": CASES[case][0], "tls": rounds[0]["tls"], "rounds": len(rounds)}
            out.setdefault(case, {})[name] = one
    return out


def machine():
    model = next((line.partition(":")[2].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release().split("-")[0], "load_1min": os.getloadavg()[0]}


def show(result):
    for case, by_name in result.items():
        print(f"\n{case}: CPU us of the proxy per {next(iter(by_name.values()))['unit']}, one worker")
        ours = by_name.get("sallyport", {}).get("cpu_us", {}).get("median")
        for name, one in by_name.items():
            c, ratio = one["cpu_us"], ours / one["cpu_us"]["median"] if ours else float("nan")
            print(f"  {name:22} {c['median']:10.1f} ({c['min']:.1f} to {c['max']:.1f})  {one['per_second']['median']:9.1f}/s  "
                  f"p50 {one['p50_us']['median']:7.0f}  p99 {one['p99_us']['median']:7.0f}  p99.9 {one['p999_us']['median']:7.0f} us  "
                  f"{one['peak_kib']['median'] / 1024:6.1f} MiB  sallyport/this {ratio:5.2f}")


def chart(result, where):
    lines, y = [], 10
    for case, by_name in result.items():
        y += 24
        lines.append(f'<text x="10" y="{y}" font-weight="bold">{case}: CPU us per {next(iter(by_name.values()))["unit"]}</text>')
        most = max(one["cpu_us"]["median"] for name, one in by_name.items() if name != "mitmproxy" or len(by_name) == 1)
        for name, one in by_name.items():
            y += 18
            value = one["cpu_us"]["median"]
            width, cut = min(value / most, 1.1) * 400, " (bar is cut)" if value > 1.1 * most else ""
            colour = "#2a6fbb" if name.startswith("sallyport") else "#999999"
            lines.append(f'<text x="180" y="{y}" text-anchor="end">{name}</text>'
                         f'<rect x="190" y="{y - 11}" width="{width:.0f}" height="13" fill="{colour}"/>'
                         f'<text x="{195 + width:.0f}" y="{y}">{value:.1f}{cut}</text>')
    where.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" width="780" height="{y + 20}" font-family="sans-serif" '
                     f'font-size="12"><rect width="100%" height="100%" fill="white"/>{"".join(lines)}</svg>\n')


def parse():
    p = argparse.ArgumentParser()
    for name in ("program", "load", "origin"):
        p.add_argument(name, type=lambda text: str(pathlib.Path(text).resolve()))
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--quick", action="store_true", help="one round")
    p.add_argument("--cases", default=",".join(CASES), type=str)
    p.add_argument("--proxies", default=",".join(PROXIES))
    p.add_argument("--out", default=str(pathlib.Path(__file__).parent / "results"), type=pathlib.Path)
    options = p.parse_args()
    options.cases, options.rounds = options.cases.split(","), 1 if options.quick else options.rounds
    return options


def main():
    options = parse()
    asked = options.proxies.split(",")
    names = [n for n in asked if PROXIES[n].needs is None or shutil.which(PROXIES[n].needs, path=os.environ["PATH"] + ":/usr/sbin")]
    for name in asked:
        if name not in names:
            print(f"not installed, left out: {name}")
    with tempfile.TemporaryDirectory(prefix="bench-", dir="/var/tmp") as folder:
        options.folder = pathlib.Path(folder)
        options.folder.chmod(0o755)
        make_certificates(options.folder)
        for path in options.folder.iterdir():
            path.chmod(0o644)  # squid reads them as a user of its own; they live as long as this run
        origins = start_origins(options)
        try:
            samples, failures = run(options, names, origins)
        finally:
            for _, process in origins.values():
                process.kill()
                process.wait()
    result = summary(samples)
    show(result)
    options.out.mkdir(exist_ok=True)
    (options.out / "latest.json").write_text(json.dumps({"machine": machine(), "left_out": failures, "cases": result}, indent=1) + "\n")
    chart(result, options.out / "latest.svg")


if __name__ == "__main__":
    main()

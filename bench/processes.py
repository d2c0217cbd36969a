"""What processes used: CPU time, memory, and on which machine."""
import os
import pathlib
import platform
import re
import shutil
import subprocess
import time

SBIN = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"
TICK = os.sysconf("SC_CLK_TCK")


def stat_fields(pid):
    """/proc/PID/stat from the state on: [1] is the parent, [13] and [14] the waited-for children's ticks."""
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def tree(root):
    """A process and what descends from it, at this moment, whoever's thread started it."""
    parents = {}
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            parents.setdefault(int(stat_fields(folder.name)[1]), []).append(int(folder.name))
        except OSError:  # ended meanwhile
            pass
    found = [root]
    for one in found:
        found += parents.get(one, [])
    return found


def cpu(root):
    """Seconds on processors, user and system: each process's CPU clock (clock_getcpuclockid(3)), which has all its
    threads, those that ended too; and what its children used that ended and were waited for (times(2))."""
    total = 0.0
    for pid in tree(root):
        try:
            total += time.clock_gettime((~pid << 3) | 2)
            fields = stat_fields(pid)
            total += (int(fields[13]) + int(fields[14])) / TICK
        except OSError:
            pass
    return total


def _sum_kib(root, file, key):
    total = 0
    for pid in tree(root):
        try:
            found = re.search(rf"^{key}:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/{file}").read_text(), re.M)
            total += int(found.group(1)) if found else 0
        except OSError:
            pass
    return total


def peak_kib(root):
    """The most that was resident, of each process: pages that processes share are counted in each."""
    return _sum_kib(root, "status", "VmHWM")


def resident_kib(root):
    """What is resident now, shared pages counted by their share."""
    return _sum_kib(root, "smaps_rollup", "Pss") or _sum_kib(root, "status", "VmRSS")


def _first_line(*argv):
    program = shutil.which(argv[0], path=SBIN)
    if program is None:
        return None
    done = subprocess.run([program, *argv[1:]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          stdin=subprocess.DEVNULL)
    return done.stdout.splitlines()[0].strip() if done.stdout else None


def machine(program):
    model = next((line.partition(":")[2].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    crypto = next((line for line in subprocess.run([program, "version"], stdout=subprocess.PIPE, text=True).stdout.splitlines()
                   if line.startswith("crypto:")), "")
    found = {"sallyport": _first_line(program, "version"), "crypto": crypto, "nginx": _first_line("nginx", "-v"),
             "haproxy": _first_line("haproxy", "-v"), "squid": _first_line("squid", "-v"),
             "mitmproxy": _first_line("mitmdump", "--version"), "bubblewrap": _first_line("bwrap", "--version"),
             "openssl": _first_line("openssl", "version")}
    return {"cpu": model, "cores": os.cpu_count(), "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30),
            "kernel": platform.release().split("-")[0], "versions": {k: v for k, v in found.items() if v}}

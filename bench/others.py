"""What is measured without a proxy between generator and origin: the floor of a case, a run's start, content that is
vouched for, and the record's writer alone."""
import functools
import json
import pathlib
import subprocess
import sys
import tempfile

import verify

HERE = pathlib.Path(__file__).resolve().parent

STARTS = 20  # a round


@functools.cache
def starts_folder():
    """Until this process ends."""
    return tempfile.TemporaryDirectory(prefix="bench-starts-", dir="/var/tmp")


def start_sample(options, number):
    """In a process of its own: it waits for all its children, and this one's origins stay."""
    rounds = STARTS // 2 if options.quick else STARTS
    done = subprocess.run([sys.executable, HERE / "start.py", options.program, str(rounds), "json", starts_folder().name],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        print(f"start: left out: {done.stderr[-500:]}", file=sys.stderr)
        return {}
    return json.loads(done.stdout)


def verify_sample(options, number):
    return verify.sample(options.program)


def writer_sample(options, number):
    if options.writer is None:
        return {}
    with tempfile.TemporaryDirectory(prefix="bench-writer-", dir="/var/tmp") as folder:
        done = subprocess.run([options.writer, folder, "0.3", "json"], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        print("writer: left out", file=sys.stderr)
        return {}
    figures = [json.loads(line) for line in done.stdout.splitlines()]
    return {f"{f['durability']} {f['in_flight']}{'' if f['sealed'] else ', no seal'}": f for f in figures}


# What no proxy can do without, and the same with the digest that a record of the bytes wants: the names they go by, and
# what bench_floor is told besides.
FLOORS = {"the floor": [], "the floor, digest": ["digest"]}


def floor_sample(program, case, name):
    told = json.loads(subprocess.run([program, *case.floor.split(), *FLOORS[name]], check=True, stdout=subprocess.PIPE).stdout)
    return {"cpu_us": told["cpu"] * 1e6 / told["done"] / case.per}


OTHERS = {"start": start_sample, "writer": writer_sample, "verify": verify_sample}

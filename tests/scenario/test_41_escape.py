"""Attempts to get out of a jail, each in a run of its own, with canaries outside (docs/escape.md)."""
import pytest

# Those that succeed outside, with the rights of any user: what the jail stops is there to be stopped.
REAL = {"tcp-loopback", "tcp-ipv6", "udp", "netlink", "listen", "abstract-socket", "other-project", "home", "proc-root",
        "symlink", "write-outside", "rules", "git-hooks", "file-size", "setuid-file", "setuid", "keyring", "processes", "kill",
        "shared-memory", "daemon", "fork-bomb", "memory-bomb"}


def outcomes(result):
    found = {}
    for line in result.out.splitlines():
        words = line.split(maxsplit=2)
        if words and words[0] in ("held", "ESCAPED", "unknown"):
            found[words[1]] = (words[0], words[2])
    return found


def sanitized(sally):
    return b"__asan_init" in sally.program.read_bytes()


def test_every_attempt_fails(sally):
    result = sally.verb("doctor", "--probe", timeout=120)
    found = outcomes(result)
    assert len(found) >= 67, result
    # A sanitized program does not start at all in little address space.
    excused = {"memory-bomb"} if sanitized(sally) else set()
    bad = {name: what for name, what in found.items() if what[0] != "held" and name not in excused}
    assert bad == {} and result.status == 0, (bad, result)


@pytest.mark.once
def test_the_attempts_are_real(sally):
    result = sally.verb("doctor", "--control", timeout=60)
    found = outcomes(result)
    real = REAL - ({"memory-bomb"} if sanitized(sally) else set())
    assert {name for name in real if found[name][0] != "ESCAPED"} == set(), result
    assert result.status == 1


def test_one_that_gets_out_is_told(sally):
    """A jail that is none, by the same way that compares others."""
    result = sally.verb("doctor", "--jail", "env", "other-project", "tcp-loopback")
    assert result.status == 1 and result.out.count("ESCAPED") == 2, result


def test_doctor(sally, user):
    if user.uid != 0 and sanitized(sally):
        pytest.skip("a sanitized program has no room in the address space that doctor's limits leave")
    result = sally.verb("doctor", cwd=sally.folder)
    assert result.status == 0, result
    for word in ("kernel ", "network namespace", "seccomp", "landlock", "everything a run needs is up"):
        assert word in result.out, result


@pytest.mark.parametrize("words", [["--nonsense"], ["--probe", "nonsense"], ["tcp-loopback"]])
def test_words_that_are_none(sally, words):
    result = sally.verb("doctor", *words)
    assert result.status == 125 and result.err.startswith("sallyport: "), result


SOCKETS = """
import ctypes, errno, platform
libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 41, "aarch64": 198}[platform.machine()]
def made(family, kind, protocol):
    fd = libc.syscall(number, ctypes.c_ulong(family), ctypes.c_ulong(kind), ctypes.c_ulong(protocol))
    return "made" if fd >= 0 else errno.errorcode[ctypes.get_errno()]
high = 1 << 32
for family in [*range(60), high, high + 1, high + 17]:
    print("family", family, made(family, 2, 0))
for protocol in [*range(40), high, high + 12]:
    print("protocol", protocol, made(16, 3, protocol))
for family in (2, 10):
    print("raw", family, made(family, 3, 1), made(family, high + 3, 1), made(family, 3 | 0o2000000, 1))
"""


def test_which_sockets_can_be_made(sally):
    lines = sally.run("/usr/bin/python3", "-c", SOCKETS).out.splitlines()
    found = {tuple(line.split()[:2]): line.split()[2:] for line in lines}
    high = 1 << 32
    assert [number for number in range(60) if found["family", str(number)] == ["made"]] == [1, 2, 10, 16]
    refused = [found["family", str(number)] for number in [*range(60), high, high + 1, high + 17] if number not in (1, 2, 10, 16)]
    assert all(answer == ["EAFNOSUPPORT"] for answer in refused), found
    assert found["protocol", "0"] == ["made"]
    assert all(found["protocol", str(number)] == ["EPERM"] for number in [*range(1, 40), high, high + 12]), found
    assert all(found["raw", family] == ["EPERM"] * 3 for family in ("2", "10")), found


def test_no_power_is_left_or_to_be_had(sally):
    lines = sally.run("cat", "/proc/self/status").out.splitlines()
    status = dict(line.split(":\t", 1) for line in lines)
    assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}, status
    assert (status["Seccomp"], status["NoNewPrivs"]) == ("2", "1"), status

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

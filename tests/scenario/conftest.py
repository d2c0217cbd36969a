"""
Fixtures of the stories. SALLYPORT names the program under test; everything else is made here.

A story asks for `sally` and gets it once as each user that this machine has for it: the one who runs the
tests and, when that is root, `nobody` too. `origin` and `plain_origin` make origins, `nameserver` answers
for .test and .example.
"""
import collections
import ctypes
import os
import pathlib
import pwd
import resource
import shutil
import signal
import tempfile

import pytest

from harness.ca import CA
from harness.nameserver import NameServer
from harness.origin import Origin, hello
from harness.program import Sally

User = collections.namedtuple("User", "name uid gid switches")
PR_SET_CHILD_SUBREAPER = 36

# What a background job or nohup ignores would be ignored by the commands of the stories too, who are sent them.
for number in (signal.SIGHUP, signal.SIGQUIT):  # not SIGPIPE: an origin here may find its client gone
    signal.signal(number, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)


def users():
    me = pwd.getpwuid(os.geteuid())
    found = [User(me.pw_name, me.pw_uid, me.pw_gid, False)]
    if me.pw_uid == 0:
        try:
            nobody = pwd.getpwnam("nobody")
            found.append(User("nobody", nobody.pw_uid, nobody.pw_gid, True))
        except KeyError:
            pass
    return found


ALL_USERS = users()
# A second round of the same stories, sanitized say, need not be told by everybody.
USERS = ALL_USERS[-1:] if os.environ.get("SALLYPORT_SCENARIO_USERS") == "least" else ALL_USERS


def pytest_runtest_setup(item):
    if item.get_closest_marker("as_root") and os.geteuid() != 0:
        pytest.skip("mounting a file system of its own takes root")


def pytest_configure(config):
    config.addinivalue_line("markers", "once: too long to be told as every user; told as the least powerful one")
    config.addinivalue_line("markers", "as_root: needs root")
    # An origin for thousands of connections lives in this process.
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def pytest_generate_tests(metafunc):
    if "user" not in metafunc.fixturenames:
        return
    chosen = USERS
    if metafunc.definition.get_closest_marker("as_root"):
        chosen = ALL_USERS[:1]
    elif metafunc.definition.get_closest_marker("once"):
        chosen = ALL_USERS[-1:]
    metafunc.parametrize("user", chosen, ids=[user.name for user in chosen], scope="session")


@pytest.fixture(scope="session")
def base():
    """A folder that every user can reach, unlike those of pytest."""
    assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    path = pathlib.Path(tempfile.mkdtemp(prefix="scenario-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def program(base):
    """A copy: where the tree lies may be closed to other users."""
    source = os.environ.get("SALLYPORT")
    assert source, "SALLYPORT names no program: scripts/scenarios.sh PROGRAM sets it"
    path = base / "sallyport"
    shutil.copy(source, path)
    path.chmod(0o755)
    return path


@pytest.fixture(scope="session")
def ca(base):
    return CA(base / "ca")


@pytest.fixture
def nameserver():
    server = NameServer()
    yield server
    server.close()


@pytest.fixture
def sally(program, user, base, ca, nameserver):
    folder = pathlib.Path(tempfile.mkdtemp(prefix=f"{user.name}-", dir=base))
    folder.chmod(0o755)
    s = Sally(program, user, folder)
    s.nameserver = nameserver
    s.upstream_ca = ca.pem
    yield s
    for origin in s.origins:
        origin.close()
    shutil.rmtree(folder, ignore_errors=True)
    failures = [failure for origin in s.origins for failure in origin.failures]
    if failures:
        raise failures[0]


@pytest.fixture
def origin(sally, ca):
    """origin(handler, names=..., raw=..., tls=...): a TLS origin with a good certificate unless told otherwise."""
    def make(handler=hello, names=("origin.test",), raw=None, tls=None, host="127.0.0.1"):
        made = Origin(tls or ca.server_context(*names), handler, raw, host)
        sally.origins.append(made)
        return made
    return make


@pytest.fixture
def plain_origin(sally):
    def make(handler=hello, raw=None, host="127.0.0.1"):
        made = Origin(None, handler, raw, host)
        sally.origins.append(made)
        return made
    return make

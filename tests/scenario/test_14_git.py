"""git over https against its own http-backend: the rules let it clone and not push."""
import shutil
import subprocess

import pytest

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(*words, cwd=None):
    identity = ["-c", "user.name=A", "-c", "user.email=a@a.example", "-c", "init.defaultBranch=main",
                "-c", "safe.directory=*"]
    done = subprocess.run(["git", *identity, *words], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def repository(base, tmp_path):
    """A bare repository with one commit, that anybody may push to."""
    work, bare = tmp_path / "work", tmp_path / "repos" / "acme" / "tool.git"
    git("init", work)
    (work / "hello.txt").write_text("hello\n")
    git("add", ".", cwd=work)
    git("commit", "-m", "one", cwd=work)
    git("clone", "--bare", work, bare)
    git("config", "http.receivepack", "true", cwd=bare)
    return bare


@pytest.fixture
def git_host(origin, repository):
    """An https host that hands each request to git's own CGI program (git-http-backend(1))."""
    root = repository.parents[1]

    def handler(conn):
        request = conn.request
        path, _, query = request.target.partition("?")
        environment = {"GIT_PROJECT_ROOT": str(root), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path, "QUERY_STRING": query,
                       "REQUEST_METHOD": request.method, "CONTENT_TYPE": conn.header("content-type") or "",
                       "HTTP_CONTENT_ENCODING": conn.header("content-encoding") or "",
                       "HTTP_GIT_PROTOCOL": conn.header("git-protocol") or "", "REMOTE_USER": "a",
                       "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*",
                       "PATH": "/usr/bin:/bin"}
        body = conn.body()
        environment["CONTENT_LENGTH"] = str(len(body))
        answer = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True).stdout
        head, _, content = answer.partition(b"\r\n\r\n")
        headers = [line.decode().split(": ", 1) for line in head.split(b"\r\n") if line]
        status = next((int(value[:3]) for name, value in headers if name == "Status"), 200)
        conn.reply(status, content, [(n, v) for n, v in headers if n not in ("Status", "Content-Length")])

    return origin(handler)


CLONE_ONLY = """
allow GET  origin.test:{port}/acme/*.git/info/refs query service=git-upload-pack private
allow POST origin.test:{port}/acme/*.git/git-upload-pack private
"""

PUSH = """
cd tool && echo more >hello.txt && git -c user.name=A -c user.email=a@a.example commit -qam two && git push -q
"""


def test_clone(sally, git_host):
    result = sally.run("git", "clone", "-q", f"https://origin.test:{git_host.port}/acme/tool.git",
                       rules=CLONE_ONLY.format(port=git_host.port))
    assert result.status == 0, result
    assert (sally.folder / "tool" / "hello.txt").read_text() == "hello\n"
    assert [r["method"] for r in result.of("intent") if r["way"] == "connect" and r["method"] != "CONNECT"][0] == "GET"


def test_push_is_refused_where_only_clone_is_allowed(sally, git_host, repository):
    """`git clone` and `git push` begin with the same path: the query tells them apart."""
    url = f"https://origin.test:{git_host.port}/acme/tool.git"
    result = sally.run("sh", "-c", f"git clone -q {url} && {PUSH}", rules=CLONE_ONLY.format(port=git_host.port))
    assert result.status != 0, result
    assert "403" in result.err
    refused, = result.of("intent", verdict="deny")
    assert (refused["path"], refused["query"]) == ("/acme/tool.git/info/refs", "service=git-receive-pack")
    assert git("rev-list", "--count", "main", cwd=repository) == "1\n"
    assert not any("receive-pack" in target for _, target in git_host.paths())


def test_push_passes_where_it_is_allowed(sally, git_host, repository):
    url = f"https://origin.test:{git_host.port}/acme/tool.git"
    result = sally.run("sh", "-c", f"git clone -q {url} && {PUSH}",
                       rules=f"allow GET,POST origin.test:{git_host.port}/acme/** private")
    assert result.status == 0, result
    assert git("rev-list", "--count", "main", cwd=repository) == "2\n"

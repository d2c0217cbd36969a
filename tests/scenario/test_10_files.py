"""What the command sees of the machine's files."""
import json
import os

import pytest


def test_home_is_absent(sally):
    secret = sally.home / "secret.txt"
    secret.write_text("secret\n")
    sally.own(secret)
    result = sally.run("sh", "-c", 'ls -A "$HOME"; cat "$HOME/secret.txt"')
    assert "secret" not in result.out, result
    assert result.status != 0


def test_other_folders_are_absent(sally):
    other = sally.base / "other-project"
    other.mkdir()
    (other / "x").write_text("x")
    result = sally.run("sh", "-c", f"ls {other} {sally.base}/record* /var/log /boot /mnt /srv /proc/1/root/home")
    assert "other-project:" not in result.out and "x" not in result.out.split(), result


def test_system_folders_are_read_only(sally):
    result = sally.run("sh", "-c", """
for folder in / /usr /usr/bin /etc /etc/ssl /opt /run /var /proc/sys/kernel; do
	touch $folder/sallyport-probe 2>/dev/null && echo "wrote $folder"
done
test -r /etc/passwd && test -x /usr/bin/env && echo readable""")
    assert result.out == "readable\n", result
    assert not os.path.exists("/usr/sallyport-probe")


def test_the_working_folder_is_the_users(sally):
    sally.write("in.txt", "in\n")
    result = sally.run("sh", "-c", "pwd; cat in.txt; echo out > out.txt; mkdir sub; ln in.txt sub/link; rm in.txt")
    assert result.out == f"{sally.folder}\nin\n", result
    assert (sally.folder / "out.txt").read_text() == "out\n"
    assert (sally.folder / "out.txt").stat().st_uid == sally.user.uid
    assert not (sally.folder / "in.txt").exists()


def test_tmp_is_private(sally):
    name = f"sallyport-probe-{os.getpid()}"
    outside = f"/tmp/{name}-outside"
    with open(outside, "w") as file:
        file.write("x")
    os.chmod(outside, 0o644)
    try:
        result = sally.run("sh", "-c", f"cat {outside}; echo y > /tmp/{name} && cat /tmp/{name}")
        assert result.out == "y\n", result
        assert not os.path.exists(f"/tmp/{name}")
    finally:
        os.unlink(outside)


def test_devices_are_the_few_that_programs_need(sally):
    result = sally.run("sh", "-c", "ls /dev; echo x >/dev/null && head -c 3 /dev/zero | wc -c; touch /dev/shm/mine && ls /dev/shm")
    names = set(result.out.split()) - {"3", "mine"}
    assert {"null", "zero", "full", "random", "urandom", "tty", "shm", "pts", "ptmx", "fd", "stdin", "stdout", "stderr"} >= names, result
    assert {"null", "zero", "urandom", "shm"} <= names and result.out.endswith("3\nmine\n"), result
    assert not os.path.exists("/dev/shm/mine")


def test_proc_is_the_jails_own(sally):
    result = sally.run("sh", "-c", "ls -d /proc/[0-9]* | wc -l; hostname; "
                                   "for f in /proc/sys/kernel/hostname /proc/sysrq-trigger /proc/sys/vm/drop_caches; do "
                                   "(echo x >$f) 2>/dev/null && echo wrote $f; done; cat /proc/kcore 2>/dev/null | head -c 4; true")
    count, name = result.out.split()
    assert int(count) < 8 and name != os.uname().nodename, result


def test_the_record_is_out_of_reach(sally):
    # Of this run or one beside it: what else lies on a machine in folders that are shown is not ours.
    result = sally.run("sh", "-c", "find / -name '*.jsonl' -newer /run/sallyport/ca.pem 2>/dev/null; ls -d /run/sallyport/*")
    assert ".jsonl" not in result.out, result
    assert "key" not in result.out


@pytest.mark.parametrize("state", [False, True])
def test_a_record_in_the_working_folder_can_be_neither_changed_nor_replaced(sally, state):
    """Nor the folders above it, where another could be put in its place: by --record, or where records are by default."""
    script = """
for path in out out/a out/a/records; do mv $path moved && echo moved $path; rmdir $path 2>/dev/null && echo gone $path; done
find out -type f; rm -rf out 2>/dev/null; mkdir -p out/a/records/sallyport 2>/dev/null; touch out/a/records/000001.jsonl out/a/records/sallyport/x && echo made
ls -d out out/a out/a/records; true"""
    env = sally.environment({"XDG_STATE_HOME": str(sally.folder / "out/a/records")})
    options = [] if state else ["--record", "out/a/records"]
    result = sally.verb("run", "--quiet", *options, "--", "sh", "-c", script, env=env if state else sally.environment())
    assert "moved" not in result.out and "gone" not in result.out and "./" not in result.out, result
    if state:
        assert not (sally.folder / "out/a/records/sallyport/x").exists()
    else:
        assert result.out.split() == ["out", "out/a", "out/a/records"], result
    records = list((sally.folder / "out/a/records").rglob("*.jsonl"))
    kinds = [r["kind"] for path in records for r in map(json.loads, path.read_text().splitlines())]
    assert kinds[0] == "start" and kinds[-1] == "stop", (records, result)


def test_processes_of_the_host_are_not_seen(sally):
    result = sally.run("sh", "-c", "ls /proc | grep -c '^[0-9]'; cat /proc/[0-9]*/comm")
    assert int(result.out.split()[0]) < 10, result
    assert "pytest" not in result.out


def test_the_users_own_names_are_kept(sally):
    assert sally.run("id", "-un").out.strip() == sally.user.name


def test_a_working_folder_that_shows_too_much_is_refused(sally):
    for folder in ("/", "/usr", "/tmp", sally.home):
        result = sally.verb("run", "--record", sally.folder / "refused", "--", "touch", "x", cwd=folder)
        assert result.status == 125, (folder, result)
        assert str(folder) in result.err


# ---- statements of the rules

def view_of(result):
    start, = result.of("start")
    return {entry["path"]: entry["mode"] for entry in start["view"]}


def make(sally, where, **files):
    folder = sally.base / where if isinstance(where, str) else where
    folder.mkdir(exist_ok=True)
    sally.own(folder)
    for name, text in files.items():
        path = folder / name.replace("_", ".")
        path.write_text(text)
        sally.own(path)
    return folder


def test_read_and_write_statements(sally):
    data = make(sally, f"data-{sally.user.name}", in_txt="in\n")
    out = make(sally, f"out-{sally.user.name}")
    script = f"cat {data}/in.txt; echo x > {out}/made && echo made; echo x > {data}/made || echo refused; ls {sally.base}"
    result = sally.run("sh", "-c", script, rules=f"read {data}\nwrite {out}\n")
    assert result.out.startswith("in\nmade\nrefused\n"), result
    assert (out / "made").exists() and not (data / "made").exists()
    assert (view_of(result)[str(data)], view_of(result)[str(out)]) == ("read", "write")


def test_relative_and_home_paths(sally):
    make(sally, sally.home / "datasets", a_csv="1\n")
    make(sally, sally.home / "secrets", b="2\n")
    sally.write("x", "x")
    result = sally.run("sh", "-c", "cat ~/datasets/a.csv; ls ~; touch y || echo read-only", rules="read ~/datasets\nread .\n")
    assert result.out == "1\ndatasets\nread-only\n", result


def test_the_narrower_path_wins(sally):
    make(sally, sally.folder / "build")
    make(sally, sally.folder / "build" / "keep", a="a\n")
    script = "touch x || echo 1; touch build/x && echo 2; touch build/keep/x || echo 3; cat build/keep/a"
    # The order of the statements says nothing.
    result = sally.run("sh", "-c", script, rules="read build/keep\nwrite build\nread .\n")
    assert result.out == "1\n2\n3\na\n", result


def test_hide_beats_all(sally):
    make(sally, sally.folder, _env="secret\n", a_pem="secret\n", b_txt="b\n")
    make(sally, sally.folder / "deep", c_pem="secret\n", d_txt="d\n")
    script = "cat .env a.pem deep/c.pem; cat b.txt deep/d.txt; echo x > .env; mv .env e; rm -f a.pem; ln a.pem l; cat l"
    result = sally.run("sh", "-c", script, rules="write .\nread .env\nwrite deep/c.pem\nhide .env **/*.pem\n")
    assert "secret" not in result.out + result.err and "b\nd\n" in result.out, result
    for name in (".env", "a.pem", "deep/c.pem"):
        assert (sally.folder / name).read_text() == "secret\n"
        assert view_of(result)[str(sally.folder / name)] == "hide"


def test_a_hidden_folder_is_empty(sally):
    make(sally, sally.folder / "private", a="secret\n")
    result = sally.run("sh", "-c", "find private; cat private/a; touch private/x", rules="hide private")
    assert "secret" not in result.out and "private/a" not in result.out, result
    assert sorted(os.listdir(sally.folder / "private")) == ["a"]


def test_system_files_can_be_hidden_and_secrets_stay_so(sally):
    result = sally.run("sh", "-c", "cat /etc/hostname; cat /etc/shadow; head -c 5 /etc/passwd", rules="hide /etc/hostname\nread /etc\n")
    assert result.out == "root:", result


def test_the_bundle_is_ours_whatever_the_rules_show(sally):
    result = sally.run("sh", "-c", "cmp /etc/ssl/certs/ca-certificates.crt /run/sallyport/bundle.pem && echo same",
                       rules="read /etc/ssl")
    assert result.out == "same\n", result


def test_statements_that_cannot_be(sally):
    for rules, word in (("read nowhere", "no such file"), ("write /", "whole machine"), ("read x/*.csv", "nothing fits"),
                        ("hide a/**/b/c", "FOLDER/**/PATTERN")):
        result = sally.verb("run", "--rules", sally.write("test.rules", rules), "--record", sally.folder / "r",
                            "--", "touch", "marker")
        assert result.status == 125 and word in result.err and "test.rules:1" in result.err, result
        assert not (sally.folder / "marker").exists()


def test_links_lead_nowhere(sally):
    outside = make(sally, f"outside-{sally.user.name}", a="secret\n")
    (sally.folder / "link").symlink_to(outside / "a")
    script = f"""
cat link; ln -s {outside} l2; cat l2/a; cat /proc/self/root{outside}/a /proc/1/root{outside}/a /proc/self/cwd/../{outside.name}/a
ln {outside}/a hard; cat hard; for fd in /proc/*/fd/*; do cat "$fd/../a" 2>/dev/null; done; true"""
    result = sally.run("sh", "-c", script)
    assert "secret" not in result.out, result


# ---- what would be run outside, later, by somebody else

ATTEMPTS = """
echo x > .git/hooks/pre-commit; echo x >> .git/config; mkdir -p .git/hooks; git config core.hooksPath evil
mv .git g; mv .git/hooks .git/h; rm -rf .git/hooks .git/config; ln -sf /tmp/x .git/config; rmdir .git/hooks .git
echo 'allow * **' > sallyport.rules; mv sallyport.rules s; rm -f sallyport.rules; ln -sf x sallyport.rules
exit 0"""


def test_git_hooks_and_configuration(sally):
    git = sally.popen(["git", "init", "-q", "."])
    assert git.wait() == 0
    before = {path: path.read_bytes() for path in (sally.folder / ".git").rglob("*") if path.is_file()}
    result = sally.run("sh", "-c", ATTEMPTS)
    after = {path: path.read_bytes() for path in (sally.folder / ".git").rglob("*") if path.is_file()}
    assert before == after, result
    assert not (sally.folder / "sallyport.rules").exists()
    work = "echo 1 > f && git add f && git -c user.name=a -c user.email=a@a.example commit -qm 1 && git rev-list --count HEAD"
    result = sally.run("sh", "-c", work)
    assert result.out == "1\n", result


def test_none_of_them_comes_into_being_where_there_is_none(sally):
    sally.run("sh", "-c", "git init -q .; mkdir -p .git/hooks; " + ATTEMPTS)
    assert os.listdir(sally.folder) == []
    make(sally, sally.folder / ".git", HEAD="ref: refs/heads/main\n")
    sally.run("sh", "-c", ATTEMPTS)
    assert sorted(os.listdir(sally.folder / ".git")) == ["HEAD"]


def test_go_is_told_not_to_look_for_a_repository(sally):
    result = sally.run("sh", "-c", 'echo "$GOFLAGS"', env={"GOFLAGS": "-mod=mod"})
    assert result.out == "-mod=mod -buildvcs=false\n", result
    make(sally, sally.folder / ".git", HEAD="ref: refs/heads/main\n")
    assert sally.run("sh", "-c", 'echo "$GOFLAGS"', env={"GOFLAGS": "-mod=mod"}).out == "-mod=mod\n"


def test_a_rules_file_cannot_be_changed(sally):
    page = sally.write("sallyport.rules", "mode receive-only\n")
    other = sally.write("other.rules", "mode receive-only\n")
    script = "for f in $FILES; do echo 'allow * **' > $f; rm -f $f; mv $f x; sed -i s/mode/x/ $f; done; true"
    sally.run("sh", "-c", f"FILES=sallyport.rules; {script}")
    assert page.read_text() == "mode receive-only\n"
    result = sally.verb("run", "--rules", other, "--record", sally.folder / "r", "--",
                        "sh", "-c", f"FILES='sallyport.rules other.rules'; {script}")
    assert result.status == 0, result
    assert other.read_text() == page.read_text() == "mode receive-only\n"


def test_runs_side_by_side_share_what_keeps_names_away(sally):
    """The first to end does not take away what protects the other."""
    first = sally.start_python("import sys; sys.stdin.readline()")
    second = sally.start_python("import sys; print(flush=True); sys.stdin.readline(); open('sallyport.rules', 'w')")
    second.process.stdout.readline()
    first.process.communicate("\n", timeout=30)
    result = second.finish(input="\n")
    assert result.status == 1 and "Read-only" in result.err, result
    assert not (sally.folder / "sallyport.rules").exists() and not (sally.folder / ".git").exists()


def test_no_file_is_left_that_lends_its_owners_rights(sally):
    """The setuid bit means nothing inside, and outside whoever starts the file has its owner's rights."""
    result = sally.run("python3", "-c", """import os, ctypes
libc = ctypes.CDLL(None, use_errno=True)
def attempt(name, fn):
    try:
        fn()
        print(name, "made")
    except OSError as error:
        print(name, error.errno)
open("plain", "w").close()
attempt("chmod", lambda: os.chmod("plain", 0o4755))
attempt("fchmod", lambda: os.fchmod(os.open("plain", os.O_RDONLY), 0o4755))
attempt("open", lambda: os.open("o", os.O_CREAT | os.O_WRONLY, 0o4755))
attempt("tmpfile", lambda: os.open(".", os.O_TMPFILE | os.O_WRONLY, 0o4755))
attempt("mknod", lambda: os.mknod("n", 0o104755))
attempt("ordinary", lambda: os.chmod("plain", 0o2755))
attempt("made", lambda: os.open("p", os.O_CREAT | os.O_WRONLY, 0o755))
for call, args in ((452, (-100, b"plain", 0o4755, 0)), (437, (-100, b"q", (ctypes.c_uint64 * 3)(0o101, 0o4755, 0), 24))):
    print(call, libc.syscall(call, *args), ctypes.get_errno())
print(any(os.lstat(name).st_mode & 0o4000 for name in os.listdir(".")))
""")
    assert result.out.split("\n")[:-1] == [
        "chmod 1", "fchmod 1", "open 1", "tmpfile 1", "mknod 1", "ordinary made", "made made", "452 -1 1", "437 -1 38",
        "False"], result

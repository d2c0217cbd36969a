"""What is hidden is absent; what is shown cannot be widened by a trick; what would be run outside is out of reach."""
import os
import subprocess
import sys
import time

import pytest


def make(sally, folder, **files):
    """Files in a folder: `_` in a name stands for a dot."""
    for part in reversed([folder, *folder.parents]):
        if not part.exists():
            part.mkdir()
            sally.own(part)
    for name, text in files.items():
        path = folder / name.replace("_", ".")
        path.write_text(text)
        sally.own(path)
    return folder


def view_of(result):
    start, = result.of("start")
    return {entry["path"]: entry["mode"] for entry in start["view"]}


# ---- hidden is absent

def test_hidden_in_a_shown_folder_is_absent(sally):
    data = make(sally, sally.base / f"shown-{sally.user.name}", a_txt="a\n", b_pem="secret\n")
    make(sally, data / "deep" / "er", c_pem="secret\n", d_txt="d\n")
    make(sally, data / "private", e="secret\n")
    os.chmod(data / "deep", 0o750)
    script = f"""
cd {data}; find . | sort; cat deep/er/d.txt; stat -c %a deep
for f in b.pem deep/er/c.pem private private/e; do
	test -e $f || test -L $f || echo "no $f"
	echo x 2>/dev/null > $f && echo "made $f"
done; ls -d "$PWD"/private 2>&1 | grep -c 'No such file'"""
    result = sally.run("sh", "-c", script, rules=f"read {data}\nhide {data}/**/*.pem {data}/private {data}/private/e\n")
    assert result.out == (".\n./a.txt\n./deep\n./deep/er\n./deep/er/d.txt\nd\n750\n"
                          "no b.pem\nno deep/er/c.pem\nno private\nno private/e\n1\n"), result
    assert view_of(result)[str(data / "private")] == "hide"


def test_secrets_of_the_system_are_absent(sally):
    script = "for f in /etc/shadow /etc/ssh /etc/sudoers /etc/machine-id; do test -e $f && echo there $f; done; ls /etc | grep -c '^shadow'"
    assert sally.run("sh", "-c", script).out == "0\n"


def test_hidden_in_a_folder_that_can_be_written_tells_its_name_alone(sally):
    make(sally, sally.folder, a_pem="secret\n" * 10, b_txt="b\n")
    script = "stat -c '%s %a' a.pem; cat a.pem; mv a.pem x; rm -f a.pem; ln a.pem l; cp a.pem c; echo x > a.pem; cat b.txt"
    result = sally.run("sh", "-c", script, rules="hide *.pem\n")
    assert result.out == "0 0\nb\n", result
    assert (sally.folder / "a.pem").read_text() == "secret\n" * 10
    assert "secret" not in "".join(p.read_text() for p in sally.folder.iterdir() if p.is_file() and p.suffix != ".pem")


@pytest.mark.parametrize("outer, inner", [("read", "hide"), ("write", "hide")])
def test_hide_beats_a_narrower_statement(sally, outer, inner):
    make(sally, sally.folder / "a" / "b", c_txt="secret\n")
    rules = f"{outer} a\nread a/b/c.txt\nwrite a/b\n{inner} a/b\n"
    result = sally.run("sh", "-c", "cat a/b/c.txt; ls a/b; ls a", rules=rules)
    assert "secret" not in result.out and "c.txt" not in result.out, result


# ---- places that a run has no business in

SECRETS = (".ssh/id_ed25519", ".aws/credentials", ".config/x/token", ".mozilla/firefox/p/cookies", ".bash_history",
           ".bashrc", ".profile", "other/project/x", ".netrc", ".gnupg/key")


def test_the_home_folder_holds_nothing(sally):
    for name in SECRETS:
        path = sally.home / name
        make(sally, path.parent)
        path.write_text("secret\n")
        sally.own(path)
    script = f"""for f in {' '.join(SECRETS)}; do
	test -e ~/$f && echo "there $f"
	mkdir -p ~/$(dirname $f) && echo evil > ~/$f
done; find / -xdev -type f 2>/dev/null | xargs grep -ls '^secret$' 2>/dev/null | head -3; echo end"""
    result = sally.run("sh", "-c", script.replace("find /", f"find {sally.base}"))
    assert result.out == "end\n", result
    assert all((sally.home / name).read_text() == "secret\n" for name in SECRETS)


def test_the_record_in_the_working_folder_is_out_of_reach(sally):
    record = sally.folder / "record"
    script = "ls record; cat record/*; echo x > record/x; rm -rf record; mv record r; rmdir record; ls -d record"
    result = sally.verb("run", "--record", record, "--", "sh", "-c", script, cwd=sally.folder, env=sally.environment())
    assert result.out == "record\n", result
    assert '"kind":"stop"' in "".join(p.read_text() for p in record.glob("*.jsonl"))
    result = sally.verb("run", "--record", sally.folder, "--", "touch", "made", cwd=sally.folder, env=sally.environment())
    assert result.status == 125 and "kept from the command" in result.err, result
    assert not (sally.folder / "made").exists()


# ---- tricks

TRICKS = """
import ctypes, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
outside, folder = sys.argv[1], os.path.dirname(sys.argv[1])
ways = [outside, "/proc/self/root" + outside, "/proc/1/root" + outside, "/proc/self/cwd/../" + outside.split("/", 3)[-1],
        "/proc/thread-self/root" + outside, "/proc/self/cwd/" + "../" * 20 + outside[1:], "/dev/fd/../../.." + outside]
for pid in filter(str.isdigit, os.listdir("/proc")):
    ways += ["/proc/%s/root%s" % (pid, outside), "/proc/%s/cwd/../%s" % (pid, os.path.basename(folder))]
    try:
        for fd in os.listdir("/proc/%s/fd" % pid):
            ways += ["/proc/%s/fd/%s/%s" % (pid, fd, "../" * 9 + outside[1:]), "/proc/%s/fd/%s" % (pid, fd) + outside]
    except OSError:
        pass
for link in ("link", "link2"):
    os.path.lexists(link) or os.symlink(outside, link)
    ways.append(link)
for how in (lambda: os.link(outside, "hard"), lambda: os.rename(outside, "moved"), lambda: os.link("link", "hard2"),
            lambda: os.link("/proc/self/cwd/link", "hard3", follow_symlinks=True)):
    try:
        how()
        ways += ["hard", "moved", "hard2", "hard3"]
    except OSError:
        pass
handle = (ctypes.c_char * 200)()
for flags in (0x1000, 0x1001):      # bind, from what is not there and over what is
    if libc.mount(folder.encode(), b".", None, flags, None) == 0: print("mounted")
    if libc.mount(b"/", b".", None, flags | 0x4000, None) == 0: print("mounted")
if libc.umount2(b"/etc", 2) == 0 or libc.umount2(b"/etc/hosts", 2) == 0: print("unmounted")
if libc.syscall(155, b".", b".") == 0: print("pivoted")
if libc.chroot(b".") == 0: print("chroot")
if libc.open_by_handle_at(3, handle, 0) >= 0: print("handle")
for way in ways:
    try:
        print("read", way, open(way).read())
    except OSError:
        pass
print("end")
"""


def test_no_trick_widens_the_view(sally):
    outside = make(sally, sally.base / f"outside-{sally.user.name}", a="secret\n")
    (sally.folder / "link").symlink_to(outside / "a")
    result = sally.python(TRICKS, str(outside / "a"))
    assert result.out == "end\n", result
    # The same program sees what it is shown: the ways are real ones.
    shown = sally.python(TRICKS, str(outside / "a"), rules=f"read {outside}\n")
    assert shown.out.count("secret") > 5 and "mounted" not in shown.out and "handle" not in shown.out, shown
    assert (outside / "a").read_text() == "secret\n"


def test_a_descriptor_of_the_caller_is_not_passed_on(sally):
    outside = make(sally, sally.base / f"fd-{sally.user.name}", a="secret\n")
    fd = os.open(outside, os.O_RDONLY | os.O_DIRECTORY)
    os.set_inheritable(fd, True)
    try:
        script = f"import os; print(sorted(os.listdir('/proc/self/fd'))); print(os.listdir({fd}))"
        result = sally.python(script, pass_fds=(fd,))
    finally:
        os.close(fd)
    assert result.status == 1 and "Bad file descriptor" in result.err, result


def test_a_swapped_link_leads_the_view_nowhere_else(sally):
    """What the rules name is what is shown: a link put there is not followed out of what it stands for inside."""
    secret = make(sally, sally.base / f"s-{sally.user.name}", a="secret\n")
    make(sally, sally.folder / "d")
    (sally.folder / "d" / "l").symlink_to(secret)
    result = sally.run("sh", "-c", "cat d/l/a; ls d", rules="write .\nread d\n")
    assert result.out == "l\n", result


def test_a_planted_link_does_not_choose_the_view(sally):
    """A project, or an earlier run, puts a link where the rules name a folder."""
    outside = make(sally, sally.base / f"planted-{sally.user.name}", a="secret\n")
    (sally.folder / "data").symlink_to(outside)
    make(sally, sally.folder / "deep")
    (sally.folder / "deep" / "l").symlink_to(outside)
    for rules in ("read data\n", "write data\n", "read deep/l/a\n", f"write {sally.folder}/data\n", "read data/*\n",
                  f"read {sally.folder}/deep/l/a\n", "read data only *\n", "read .\nread data\n"):
        result = sally.verb("run", "--rules", sally.write("test.rules", rules), "--", "cat", "data/a", cwd=sally.folder,
                            env=sally.environment())
        assert result.status == 125 and "symbolic link" in result.err and "secret" not in result.out, (rules, result)


def test_a_link_that_the_user_named_is_followed(sally):
    data = make(sally, sally.base / f"store-{sally.user.name}", a="a\n")
    (sally.home / "datasets").symlink_to(data)
    result = sally.run("sh", "-c", f"cat ~/datasets/a; ls {data}", rules="read ~/datasets\n")
    assert result.out == "a\n", result


def test_a_hidden_link(sally):
    make(sally, sally.folder / "store", env="secret\n", b="b\n")
    (sally.folder / ".env").symlink_to("store/env")
    (sally.folder / "dead.env").symlink_to("nowhere")
    (sally.folder / "dir.env").symlink_to("store")
    result = sally.run("sh", "-c", "cat .env dir.env/env store/env dead.env; echo end", rules="hide .env dead.env\n")
    assert result.out == "end\n", result
    result = sally.run("sh", "-c", "cat dir.env/env store/env; echo end", rules="hide dir.env\n")
    assert result.out == "end\n", result


# ---- what would be run outside, later, by somebody else

GIT = ["git", "-c", "user.name=a", "-c", "user.email=a@a.example"]


@pytest.fixture
def repository(sally):
    assert sally.popen(["git", "init", "-q", "."]).wait() == 0
    return sally.folder / ".git"


def test_git_is_not_led_to_other_configuration(sally, repository):
    """gitrepository-layout(5): `commondir` says where configuration and hooks are."""
    script = """
mkdir -p evil && cp -r .git/. evil && git config -f evil/config core.fsmonitor 'touch pwned; false'
echo ../evil > .git/commondir; rm -f .git/commondir; mv .git/HEAD .git/h; mv .git/h .git/HEAD
ln -s ../evil .git/commondir; mkdir -p .git/modules/x .git/worktrees/x; exit 0"""
    before = sorted(os.listdir(repository))
    result = sally.run("sh", "-c", script)
    assert sorted(os.listdir(repository)) == before, result
    assert sally.popen([*GIT, "status", "-s"], stdout=-3).wait() == 0
    assert not (sally.folder / "pwned").exists()


@pytest.mark.once
def test_git_works(sally, repository):
    script = " && ".join(" ".join([*GIT, words]) for words in (
        "add f", "commit -qm 1", "branch b", "checkout -q b", "mv f g", "commit -qm 2", "checkout -q -", "merge -q b",
        "tag t", "stash -q || true", "gc -q", "worktree list", "fsck --no-progress", "status -s", "rev-list --count HEAD"))
    sally.write("f", "1\n")
    result = sally.run("sh", "-c", script)
    assert result.status == 0 and result.out.endswith("\n2\n"), result
    assert sally.popen(["git", "fsck", "--no-progress"]).wait() == 0


MISSING = """
import os
def attempt(*ways):
    for way in ways:
        try:
            way()
        except OSError:
            pass
os.makedirs("stage/hooks")
open("stage/hooks/post-checkout", "w").write("evil")
open("stage/config", "w").write("evil")
open("stage/HEAD", "w").write("evil")
os.symlink("stage", "l")
attempt(lambda: os.makedirs(".git/hooks"), lambda: os.rename("stage", ".git"), lambda: os.symlink("stage", ".git"),
        lambda: os.rename("l", ".git"), lambda: os.rename(".git", "g"), lambda: os.rmdir(".git"),
        lambda: os.link("stage/config", ".git"), lambda: os.rename("stage/hooks", ".git/hooks"),
        lambda: os.rename("stage/config", ".git/config"), lambda: os.unlink(".git/config"),
        lambda: os.symlink("../stage/hooks", ".git/hooks"), lambda: os.mkfifo(".git/config"),
        lambda: os.link("stage/config", ".git/config"), lambda: os.rename("stage/config", "sallyport.rules"),
        lambda: os.symlink("stage/config", "sallyport.rules"), lambda: os.rename("l", "sallyport.rules"))
"""


def test_what_is_missing_cannot_be_put_there(sally):
    sally.python(MISSING)
    assert not {".git", "sallyport.rules"} & set(os.listdir(sally.folder))


@pytest.mark.once
def test_what_is_missing_of_a_repository_cannot_be_put_there(sally, repository):
    for name in ("hooks", "config"):
        sally.popen(["rm", "-rf", repository / name]).wait()
    before = sorted(os.listdir(repository))
    sally.python(MISSING)
    assert sorted(os.listdir(repository)) == before
    assert not (sally.folder / "sallyport.rules").exists()


def test_a_protected_path_is_not_taken_over_from_above(sally):
    """A folder above it is not renamed with another put in its place."""
    page = make(sally, sally.folder / "conf" / "deep", my_rules="mode receive-only\nread ../../a/b/c\n") / "my.rules"
    make(sally, sally.folder / "a" / "b" / "c", x="kept\n")
    script = """
for d in conf conf/deep a a/b a/b/c; do mv $d moved; rm -rf $d; rmdir $d; done
mkdir -p conf/deep a/b/c; echo evil > conf/deep/my.rules; echo evil > a/b/c/x; cat a/b/c/x; touch a/b/free a/free conf/free"""
    result = sally.verb("run", "--rules", page, "--", "sh", "-c", script, cwd=sally.folder, env=sally.environment())
    assert result.out == "kept\n", result
    assert page.read_text().startswith("mode") and (sally.folder / "a/b/c/x").read_text() == "kept\n"
    assert (sally.folder / "a/b/free").exists() and (sally.folder / "conf/free").exists()


def test_what_is_protected_in_a_folder_named_for_itself_is_not_taken_over_either(sally):
    page = make(sally, sally.folder / "conf" / "deep", my_rules="write .\n") / "my.rules"
    make(sally, sally.folder / "conf" / "deep" / ".git", config="[core]\n")
    script = """
for d in conf conf/deep; do mv $d moved; rm -rf $d; done
mkdir -p conf/deep/.git; echo evil > conf/deep/my.rules; echo evil > conf/deep/.git/config; touch conf/free conf/deep/free"""
    result = sally.verb("run", "--rules", page, "--", "sh", "-c", script, cwd=sally.folder, env=sally.environment())
    assert page.read_text() == "write .\n" and (page.parent / ".git/config").read_text() == "[core]\n", result
    assert (page.parent / "free").exists() and (sally.folder / "conf/free").exists(), result


@pytest.mark.once
def test_a_name_that_is_complained_of_does_not_reach_the_terminal_raw(sally):
    folder = make(sally, sally.folder / "v", a="a\n")
    sally.write("v.sha", sally.verb("files", "hash", folder).out)
    make(sally, folder, **{"n\x1b[31m\nsallyport: all is well \u202e\x9b": "x"})
    result = sally.run("true", rules="verify v with v.sha\n")
    assert result.status == 125 and "n\\x1b[31m\\x0asallyport: all is well" in result.err, result
    assert not set("\x1b\x9b\u202e") & set(result.err), ascii(result.err)


# ---- defaults that ordinary work needs no rules with

@pytest.mark.once
def test_make_and_pytest(sally):
    sally.write("Makefile", "all: prog\n\t./prog\nprog: prog.c\n\t$(CC) -o $@ $<\n")
    sally.write("prog.c", '#include <stdio.h>\nint main(void) { puts("built"); return 0; }\n')
    sally.write("test_x.py", "def test_x(tmp_path):\n    (tmp_path / 'a').write_text('1')\n")
    result = sally.run("sh", "-c", f"make -s && {sys.executable} -m pytest -q test_x.py")
    assert result.status == 0 and "built\n" in result.out and "1 passed" in result.out, result


# ---- the start record says it all

def test_the_record_lists_the_whole_view(sally):
    data = make(sally, sally.base / f"listed-{sally.user.name}", a="a\n")
    view = view_of(sally.run("true", rules=f"read {data}\nhide {data}/a\n"))
    assert view[str(data)] == "read" and view[str(data / "a")] == "hide" and view[str(sally.folder)] == "write"
    assert view["/usr"] == "read" and view["/tmp"] == "private" and view["/etc/resolv.conf"] == "file"
    assert view["/proc"] == "proc" and view["/dev"] == "devices"
    # What is mounted in the jail is on the list, or lies in what is.
    result = sally.run("sh", "-c", "cut -d' ' -f5 /proc/self/mountinfo")
    names = view_of(result)
    assert result.out.split().count("/") == 1, "roots of before lie below"
    for mount in result.out.split():
        assert mount == "/" or any(mount == name or mount.startswith(name + "/") for name in names), mount


# ---- content that is vouched for

def vendor_of(sally, name="vendor"):
    vendor = make(sally, sally.folder / name, a_txt="a\n", b_txt="b\n")
    make(sally, vendor / "sub", c_py="print('c')\n")
    return vendor


def sha256sum(sally, where, listed="vendor.sha256", names="find * -type f"):
    command = f"cd {where} && {names} | xargs -d '\\n' sha256sum > {sally.folder}/{listed}"
    assert sally.popen(["sh", "-c", command]).wait() == 0


def started(sally, result):
    return (sally.folder / "marker").exists() or result.status == 0


VERIFY = "verify vendor with vendor.sha256\n"


@pytest.mark.parametrize("where", ["vendor", "."])
def test_verified_content_is_shown(sally, where):
    vendor_of(sally)
    sha256sum(sally, sally.folder / where, names="find . -type f -path './*' ! -name '*.sha256'")
    result = sally.run("sh", "-c", "cat vendor/a.txt vendor/b.txt; python3 vendor/sub/c.py; echo x > vendor/a.txt",
                       rules=VERIFY)
    assert result.out == "a\nb\nc\n" and result.status != 0, result
    assert view_of(result)[str(sally.folder / "vendor")] == "verified"
    event, = result.of("event", reason="files-verified")
    assert "3 files" in event["detail"] and event["seq"] < result.of("start")[0]["seq"]
    assert sorted(p.name for p in result.record.iterdir() if "verified" in p.name) == []


@pytest.mark.once
@pytest.mark.parametrize("by", ["the next run", "doctor --repair"])
def test_a_killed_runs_copy_is_taken_away_and_a_living_ones_is_not(sally, by):
    vendor = vendor_of(sally)
    sha256sum(sally, vendor)
    state = sally.home / ".local/state/sallyport"
    sally.write("verify.rules", VERIFY)

    def begun(folder):
        process = sally.popen([sally.program, "run", "--record", folder, "--rules", "verify.rules", "--", "sh", "-c", "echo; read line; cat vendor/a.txt"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert process.stdout.readline() == "\n"
        return process
    killed, alive = begun(state / "20260101T000000Z-00000001"), begun(state / "20260101T000000Z-00000002")
    killed.kill()
    killed.communicate()
    left = list(state.glob("*-00000001/verified-*"))
    lives = list(state.glob("*-00000002/verified-*"))
    assert len(left) == len(lives) == 1
    deadline = time.monotonic() + 20
    while left[0].exists() and time.monotonic() < deadline:  # the killed run's gateway holds the record until it is gone
        if by == "the next run":
            sally.verb("run", "--record", left[0].parent, "--", "true")
        else:
            sally.verb("doctor", "--repair")
    # A record that is being written to is not for a second run, and nothing in it is touched.
    second = sally.verb("run", "--record", lives[0].parent, "--rules", "verify.rules", "--", "true")
    assert second.status == 125 and "another run" in second.err, second
    assert not left[0].exists() and list(state.glob("*-00000002/verified-*")) == lives
    assert alive.communicate("\n")[0] == "a\n" and not lives[0].exists()


@pytest.mark.once
def test_a_list_in_the_folder_itself(sally):
    vendor = vendor_of(sally)
    sha256sum(sally, vendor, "vendor/SHA256SUMS", "find * -type f ! -name SHA256SUMS")
    rules = "verify vendor with vendor/SHA256SUMS\n"
    assert sally.run("cat", "vendor/a.txt", rules=rules).out == "a\n"
    (vendor / "SHA256SUMS2").write_text("")
    result = sally.run("touch", "marker", rules=rules)
    assert result.status == 125 and "SHA256SUMS2" in result.err and not started(sally, result), result


def test_our_own_list_is_sha256sums(sally):
    vendor = vendor_of(sally)
    (vendor / "odd\nname\\").write_text("odd\n")
    sally.own(vendor / "odd\nname\\")
    ours = sally.verb("files", "hash", vendor)
    assert ours.status == 0 and ours.out.count("\n") == 4, ours
    sally.write("list", ours.out)
    check = sally.popen(["sha256sum", "--strict", "-c", "../list"], cwd=vendor, stdout=-1, text=True)
    assert "OK" in check.communicate()[0] and check.returncode == 0
    assert sally.verb("files", "check", vendor, sally.folder / "list").status == 0
    (vendor / "a.txt").write_text("A\n")
    result = sally.verb("files", "check", vendor, sally.folder / "list")
    assert (result.status, result.out) == (1, "a.txt: does not have the SHA-256 that the list says\n")


TAMPERED = {
    "changed": (lambda v: (v / "a.txt").write_text("A\n"), "vendor/a.txt"),
    "same size and time": (lambda v: os.utime((v / "b.txt").write_text("B\n") and v / "b.txt", (1, 1)), "vendor/b.txt"),
    "missing": (lambda v: (v / "sub" / "c.py").unlink(), "vendor/sub/c.py"),
    "extra": (lambda v: (v / "sub" / "d.py").write_text(""), "vendor/sub/d.py"),
    "hidden extra": (lambda v: (v / ".x").write_text(""), "vendor/.x"),
    "extra link": (lambda v: (v / "l").symlink_to("a.txt"), "vendor/l"),
    "link to a folder": (lambda v: (v / "l").symlink_to("sub"), "vendor/l"),
    "dead link": (lambda v: (v / "l").symlink_to("nowhere"), "vendor/l"),
    "pipe": (lambda v: os.mkfifo(v / "p"), "vendor/p"),
    "file become link": (lambda v: ((v / "a.txt").unlink(), (v / "a.txt").symlink_to("b.txt")), "vendor/a.txt"),
}


@pytest.mark.once
@pytest.mark.parametrize("how", TAMPERED)
def test_a_difference_stops_the_run_by_name(sally, how):
    vendor = vendor_of(sally)
    sha256sum(sally, vendor)
    change, name = TAMPERED[how]
    change(vendor)
    result = sally.run("touch", "marker", rules=VERIFY)
    assert result.status == 125 and name in result.err and not started(sally, result), result
    event, = result.of("event", reason="files-refused")
    assert name in event["detail"]
    assert not result.of("start")


@pytest.mark.once
def test_a_list_that_is_none(sally):
    vendor = vendor_of(sally)
    for text in ("", "x\n", "0" * 64 + "  ../a.txt\n", "0" * 64 + "  /a.txt\n", "0" * 64 + "\n", "G" * 64 + "  a.txt\n",
                 "0" * 64 + "  a.txt\n" + "1" * 64 + "  ./a.txt\n", "\\" + "0" * 64 + "  a\\x\n", "0" * 64 + " a.txt\n"):
        sally.write("vendor.sha256", text)
        result = sally.run("touch", "marker", rules=VERIFY)
        assert result.status == 125 and "vendor.sha256" in result.err and not started(sally, result), (text, result)
        assert "vendor.sha256" in result.of("event", reason="files-refused")[0]["detail"]
    (sally.folder / "vendor.sha256").unlink()
    result = sally.run("touch", "marker", rules=VERIFY)
    assert result.status == 125 and not started(sally, result), result
    assert vendor.exists()


def test_verified_content_cannot_change_underneath(sally):
    vendor = vendor_of(sally, "lib/vendor")
    sha256sum(sally, vendor)
    tricks = """
import os, sys
def attempt(*ways):
    for way in ways:
        try:
            way()
        except OSError:
            pass
attempt(lambda: open("lib/vendor/a.txt", "w"), lambda: os.unlink("lib/vendor/a.txt"), lambda: os.chmod("lib/vendor/a.txt", 0o666),
        lambda: os.rename("lib/vendor", "v"), lambda: os.rename("lib", "l"), lambda: os.link("lib/vendor/a.txt", "hard"),
        lambda: open("lib/vendor/new", "w"), lambda: os.rmdir("lib/vendor"), lambda: os.symlink("x", "lib/vendor/s"))
print("now", flush=True)
sys.stdin.readline()
print(open("lib/vendor/a.txt").read(), sorted(os.listdir("lib/vendor")))
"""
    run = sally.start_python(tricks, rules="verify lib/vendor with vendor.sha256\n")
    assert run.process.stdout.readline() == "now\n"
    (vendor / "a.txt").write_text("from outside\n")     # in place
    (vendor / "new").write_text("from outside\n")
    (vendor / "b.txt").unlink()
    result = run.finish(input="\n")
    assert result.out == "a\n ['a.txt', 'b.txt', 'sub']\n", result


def test_a_single_file_is_verified(sally):
    sally.write("tool", "#!/bin/sh\necho tool\n").chmod(0o755)
    sha256sum(sally, sally.folder, "tool.sha256", "echo tool")
    rules = "verify tool with tool.sha256\n"
    result = sally.run("sh", "-c", "./tool; echo x > tool", rules=rules)
    assert result.out == "tool\n" and result.status != 0, result
    sally.write("tool", "#!/bin/sh\necho TOOL\n")
    result = sally.run("touch", "marker", rules=rules)
    assert result.status == 125 and not started(sally, result), result


def test_nothing_lies_over_what_is_verified(sally):
    vendor = vendor_of(sally)
    sha256sum(sally, vendor)
    result = sally.run("touch", "marker", rules=VERIFY + "write vendor/sub\n")
    assert result.status == 125 and "is verified" in result.err and not started(sally, result), result
    result = sally.run("sh", "-c", "cat vendor/a.txt; test -e vendor/sub || echo absent", rules=VERIFY + "hide vendor/sub\n")
    assert result.out == "a\nabsent\n", result


@pytest.mark.once
def test_only_names_and_types(sally):
    data = make(sally, sally.folder / "data", a_csv="x,y\n1,2\n3,4\n", empty_csv="")
    show = ("sh", "-c", "cat data/a.csv; echo z >> data/a.csv")
    for only in ("*.csv", "text/*", "*.csv text/csv", "*.txt *.csv"):
        result = sally.run(*show, rules=f"read data only {only}\n")
        assert result.out == "x,y\n1,2\n3,4\n" and result.status != 0, (only, result)
        assert view_of(result)[str(data)] == "verified"
    for only, name in (("*.txt", "a.csv"), ("image/*", "a.csv"), ("*.csv image/png", "a.csv")):
        result = sally.run("touch", "marker", rules=f"read data only {only}\n")
        assert result.status == 125 and name in result.err and not started(sally, result), (only, result)
    # The name says one thing, the content another.
    (data / "evil.csv").write_bytes(open("/bin/true", "rb").read())
    assert sally.run("true", rules="read data only *.csv\n").status == 0
    result = sally.run("touch", "marker", rules="read data only *.csv text/*\n")
    assert result.status == 125 and "evil.csv" in result.err and "application/" in result.err, result
    assert "evil.csv" in result.of("event", reason="files-refused")[0]["detail"]

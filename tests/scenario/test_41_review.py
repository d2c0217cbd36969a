"""--review: the folder stays as it is until somebody takes what was changed."""
import os

import pytest

WORK = """
echo more >> a; rm b; rm -rf d; mkdir d; echo n > d/n; mkdir -p new/deep; echo y > new/deep/y; chmod 755 new/deep/y
touch same; ln -s a link; cat a"""


@pytest.fixture
def project(sally):
    for name, text in {"a": "one\n", "b": "two\n", "same": "same\n", "d/x": "x\n"}.items():
        (sally.folder / name).parent.mkdir(exist_ok=True)
        sally.own((sally.folder / name).parent)
        sally.write(name, text)
    return sally.folder


def tree(folder):
    return {str(p.relative_to(folder)): os.readlink(p) if p.is_symlink() else p.read_text() if p.is_file() else None
            for p in folder.rglob("*")}


def changes(sally, verb, result, *words):
    return sally.verb("changes", verb, *words[:-1] if words and words[0].startswith("--") else (), result.record,
                      *(words[-1:] if words and words[0].startswith("--") else words), cwd=sally.folder,
                      env=sally.environment())


def review(sally, script, **keys):
    before = tree(sally.folder)
    result = sally.run("sh", "-c", script, options=("--review",), **keys)
    after = tree(sally.folder)
    assert {n: t for n, t in after.items() if n != "test.rules"} == {n: t for n, t in before.items() if n != "test.rules"}
    return result


def test_nothing_changes_until_it_is_taken(sally, project):
    result = review(sally, WORK)
    assert result.out == "one\nmore\n", result
    listed = [line.split() for line in result.err.split("waiting for review: ")[1].splitlines()[1:-1]]
    assert sorted((words[0], words[1]) for words in listed) == [
        ("added", "d/n"), ("added", "link"), ("added", "new/"), ("added", "new/deep/"), ("added", "new/deep/y"),
        ("changed", "a"), ("removed", "b"), ("removed", "d/x")]
    assert ["changed", "a", "4", "B", "->", "9", "B"] in listed
    start, = result.of("start")
    assert {e["path"]: e["mode"] for e in start["view"]}[str(project)] == "review"
    shown = changes(sally, "show", result)
    assert "\n+more\n" in shown.out and "\n-two\n" in shown.out and "\n+y\n" in shown.out, shown
    assert changes(sally, "apply", result).status == 0
    assert tree(project) == {"a": "one\nmore\n", "d": None, "d/n": "n\n", "new": None, "new/deep": None, "new/deep/y": "y\n",
                             "same": "same\n", "link": "a"}
    assert os.access(project / "new/deep/y", os.X_OK) and (project / "new/deep/y").stat().st_uid == sally.user.uid
    assert changes(sally, "show", result).out == "no change waits\n"
    assert not (result.record / "changes").exists()


@pytest.mark.once
def test_by_path(sally, project):
    result = review(sally, WORK)
    assert changes(sally, "apply", result, "new/deep", "a").status == 0
    assert tree(project) == {"a": "one\nmore\n", "b": "two\n", "same": "same\n", "d": None, "d/x": "x\n", "new": None,
                             "new/deep": None, "new/deep/y": "y\n"}
    assert changes(sally, "drop", result, "d").status == 0
    left = changes(sally, "show", result)
    assert "removed  b" in left.out and "d/" not in left.out and "link" in left.out, left
    refused = changes(sally, "apply", result, "d")
    assert refused.status == 125 and "no change waits there" in refused.err
    assert changes(sally, "apply", result, str(project / "b")).status == 0
    assert not (project / "b").exists() and (project / "d/x").exists()


@pytest.mark.once
def test_dropped_is_gone(sally, project):
    before = tree(project)
    result = review(sally, WORK)
    assert changes(sally, "drop", result).status == 0
    assert tree(project) == before and not (result.record / "changes").exists()
    assert changes(sally, "apply", result).out == "no change waits\n"
    assert tree(project) == before


@pytest.mark.once
def test_a_run_that_changes_nothing_leaves_nothing(sally, project):
    result = review(sally, "cat a; echo two > b")
    assert "nothing was changed" in result.err and not (result.record / "changes").exists(), result


GIT = "mkdir -p .git/hooks sub/.git; echo x > .git/hooks/post-checkout; echo x > .git/config; echo x > sub/.git/commondir; " \
      "echo 'gitdir: ../evil' > sub/.gitx; mkdir s2; mv sub/.gitx s2/.git; echo 'allow * **' > sallyport.rules; echo ok > ok"


@pytest.mark.once
def test_what_acts_outside_is_kept_back(sally, project):
    result = review(sally, GIT)
    taken = changes(sally, "apply", result)
    assert taken.status == 1 and taken.err.count("kept back") == 6, taken
    found = set(tree(project))
    assert "ok" in found and not found & {".git/hooks", ".git/config", "sub/.git/commondir", "s2/.git", "sallyport.rules"}
    assert changes(sally, "apply", result, "--kept-back", "sallyport.rules").status == 0
    assert (project / "sallyport.rules").exists() and not (project / ".git/config").exists()


@pytest.mark.once
def test_what_was_changed_outside_meanwhile_is_kept_back(sally, project):
    result = review(sally, "echo jail > a; echo jail > b")
    sally.write("a", "outside\n")
    taken = changes(sally, "apply", result)
    assert taken.status == 1 and "changed outside" in taken.err, taken
    assert (project / "a").read_text() == "outside\n" and (project / "b").read_text() == "jail\n"


@pytest.mark.once
def test_no_link_leads_what_is_taken_elsewhere(sally, project):
    """Links of the jail, and links that stand outside by then."""
    outside = sally.base / f"elsewhere-{sally.user.name}"
    outside.mkdir()
    sally.own(outside)
    (outside / "x").write_text("x\n")
    sally.own(outside / "x")
    result = review(sally, f"rm -rf d; mkdir d; echo evil > d/x; ln -s {outside} out; echo evil > new; mkdir deep; echo e > deep/x")
    (project / "d" / "x").unlink()
    (project / "d").rmdir()
    (project / "d").symlink_to(outside)
    (project / "deep").symlink_to(outside)
    taken = changes(sally, "apply", result, "d/x", "deep/x", "new")
    assert taken.status != 0, taken
    assert tree(outside) == {"x": "x\n"} and (project / "new").read_text() == "evil\n"


@pytest.mark.once
def test_names_and_content_do_not_reach_the_terminal_raw(sally, project):
    result = review(sally, "printf '\\033[2Jx\\n' > a; touch \"$(printf 'n\\033[2J')\"")
    assert "\x1b" not in result.err and "\\x1b" in result.err, result
    shown = changes(sally, "show", result)
    assert "\x1b" not in shown.out and "\\x1b" in shown.out, shown


@pytest.mark.once
def test_no_name_and_no_content_says_what_is_not_so(sally, project):
    """A line feed in a name makes no line of the list, nor of a difference; nothing turns a line or hides in it."""
    result = review(sally, """python3 - <<'END'
import os
for name in (b"x\\n  removed  important", b"c1\\xc2\\x9b31m", "bidi\\u202egnp.exe".encode(), b"bad\\xff"):
    open(name, "wb").write(b"z\\xc2\\x9b2J\\xe2\\x80\\xae\\xe9\\0\\x01\\n")
open("plain", "w").write("gr\\u00fc\\u00dfe\\n")
os.symlink("/etc/shadow", "out")
os.chmod("a", 0o777)
END""")
    shown = changes(sally, "show", result)
    for text in (result.err, shown.out):
        lines = text.splitlines()
        assert not [line for line in lines if line.startswith("  removed")], text
        assert not set("\x9b\u202e\ufffd") & set(text) and "bidi\\xe2\\x80\\xaegnp.exe" in text, ascii(text)
        assert [line for line in lines if line.startswith("  added    out") and line.endswith("a link to /etc/shadow")], text
        assert [line for line in lines if line.startswith("  changed  a ") and line.endswith("-> 777")], text
    assert "\n+gr\u00fc\u00dfe\n" in shown.out, shown


@pytest.mark.once
def test_statements_hold_in_review(sally, project):
    sally.write(".env", "secret\n")
    script = "cat .env; echo x > d/x || echo kept; echo x > new; echo 'allow * **' > test.rules || echo page"
    result = review(sally, script, rules="read d\nhide .env\n")
    assert "secret" not in result.out and result.out == "kept\npage\n", result
    listed = result.err.split("waiting for review: ")[1]
    assert "added    new" in listed and ".env" not in listed, result


@pytest.mark.once
def test_several_folders(sally, project):
    other = sally.base / f"other-{sally.user.name}"
    other.mkdir()
    sally.own(other)
    result = review(sally, f"echo 1 > one; echo 2 > {other}/two", rules=f"write {other}\n")
    assert not list(other.iterdir()) and f"added    {other}/two" in result.err.replace(f"added    {project}/", "added    "), result
    assert changes(sally, "apply", result).status == 0
    assert (other / "two").read_text() == "2\n" and (project / "one").read_text() == "1\n"


@pytest.mark.once
def test_a_single_file_cannot_be_reviewed(sally, project):
    result = sally.run("touch", "marker", options=("--review",), rules=f"read .\nwrite {project}/a\n")
    assert result.status == 125 and "only folders can be reviewed" in result.err and not (project / "marker").exists(), result


@pytest.mark.once
def test_changes_that_wait_are_not_mixed_with_others(sally, project):
    record = sally.base / "home" / "record"
    keys = dict(cwd=project, env=sally.environment())
    words = ("run", "--review", "--record", record, "--", "sh", "-c")
    assert sally.verb(*words, "echo 1 > one", **keys).status == 0
    result = sally.verb(*words, "echo 2 > two", **keys)
    assert result.status == 125 and "take or drop them first" in result.err, result
    assert sally.verb("changes", "apply", record, **keys).status == 0
    assert (project / "one").exists() and not (project / "two").exists()
    assert sally.verb(*words, "echo 2 > two", **keys).status == 0
    assert sally.verb("changes", "drop", record, **keys).status == 0

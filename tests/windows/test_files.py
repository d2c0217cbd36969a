"""sallyport files, and the file statements of rules, as far as they go before there is a jail."""
import hashlib
import json
import os

import pytest

wine_only = pytest.mark.skipif(os.name == "nt", reason="this Windows has AppContainers: test_jail.py")


@pytest.fixture
def vendor(tmp_path):
    """A folder with files, and its list as sha256sum writes it."""
    folder = tmp_path / "vendor"
    (folder / "sub" / "deep").mkdir(parents=True)
    contents = {"a.txt": b"one\n", "sub/b.csv": b"1,2\n", "sub/deep/ü.bin": bytes(range(256)) * 4096, "empty": b""}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    lines = [f"{hashlib.sha256(contents[name]).hexdigest()}  {name}\n" for name in sorted(contents)]
    (tmp_path / "vendor.sha256").write_text("".join(lines), encoding="utf-8", newline="\n")
    return folder


def test_hash_is_what_sha256sum_says(sallyport, vendor, tmp_path):
    done = sallyport("files", "hash", "vendor")
    assert done.returncode == 0, done
    assert done.stdout.split() == (tmp_path / "vendor.sha256").read_text(encoding="utf-8").split()


def test_check(sallyport, vendor):
    assert sallyport("files", "check", "vendor", "vendor.sha256").returncode == 0
    (vendor / "a.txt").write_bytes(b"two\n")
    (vendor / "more").write_bytes(b"")
    (vendor / "empty").unlink()
    done = sallyport("files", "check", "vendor", "vendor.sha256")
    assert done.returncode == 1
    assert sorted(done.stdout.splitlines()) == [
        "a.txt: does not have the SHA-256 that the list says", "empty: is on the list and not there",
        "more: is not on the list"]


def test_links_are_not_vouched_for(sallyport, vendor, tmp_path):
    try:
        (vendor / "link").symlink_to(tmp_path, target_is_directory=True)
    except OSError:
        pytest.skip("this user may make no links")
    done = sallyport("files", "hash", "vendor")
    assert done.returncode == 125 and "a link: its content cannot be vouched for" in done.stderr, done


def run(sallyport, tmp_path, rules):
    """In a folder beside what the rules name."""
    project = tmp_path / "project"
    project.mkdir(exist_ok=True)
    (project / "s.rules").write_text(rules)
    done = sallyport("run", "--rules", "s.rules", "--record", str_of(tmp_path / "record"), "--", "cmd.exe", "/c",
                     "echo ran", cwd=project)
    assert "ran" not in done.stdout
    events = []
    for file in sorted((tmp_path / "record").glob("*.jsonl")):
        events += [r for r in map(json.loads, file.read_text().splitlines()) if r["kind"] == "event"]
    return done, [event["reason"] for event in events]


def str_of(path):
    return str(path) if os.name == "nt" else "Z:" + str(path).replace("/", "\\")


@wine_only
def test_verified_content_goes_on_record(sallyport, vendor, tmp_path):
    """Then it is Wine's want of AppContainers that stops the run, and the copy is gone with it."""
    done, events = run(sallyport, tmp_path, "verify ../vendor with ../vendor.sha256\n")
    assert done.returncode == 125 and "`AppContainer`" in done.stderr, done
    assert events == ["files-verified"]
    assert not list((tmp_path / "record").glob("verified-*"))


def test_content_that_differs_stops_the_run(sallyport, vendor, tmp_path):
    (vendor / "a.txt").write_bytes(b"two\n")
    done, events = run(sallyport, tmp_path, "verify ../vendor with ../vendor.sha256\n")
    assert done.returncode == 125 and "does not have the SHA-256 that the list says" in done.stderr, done
    assert "nothing is started" in done.stderr and events == ["files-refused"]
    assert not list((tmp_path / "record").glob("verified-*"))


@wine_only
def test_only(sallyport, vendor, tmp_path):
    done, events = run(sallyport, tmp_path, "read ../vendor/sub only *.csv *.bin\n")
    assert done.returncode == 125 and "`AppContainer`" in done.stderr and events == ["files-verified"], done
    done, events = run(sallyport, tmp_path, "read ../vendor/sub only *.csv\n")
    assert done.returncode == 125 and "has a name of another kind" in done.stderr, done
    done, events = run(sallyport, tmp_path, "read ../vendor/sub only text/csv\n")
    assert done.returncode == 125 and "tells types of content apart" in done.stderr, done


def test_patterns_of_paths_are_refused(sallyport, tmp_path):
    done, _ = run(sallyport, tmp_path, "hide *.pem\n")
    assert done.returncode == 125 and "s.rules:1: *.pem: patterns of paths are not there on Windows" in done.stderr


def test_review_is_refused(sallyport, tmp_path):
    done = sallyport("run", "--review", "--record", "record", "--", "cmd.exe", "/c", "echo ran")
    assert done.returncode == 125 and "--review is not there on Windows" in done.stderr

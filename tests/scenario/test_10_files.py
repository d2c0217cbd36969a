"""What the command sees of the machine's files."""
import os


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


def test_the_record_is_out_of_reach(sally):
    result = sally.run("sh", "-c", "find / -name '*.jsonl' 2>/dev/null; ls -d /run/sallyport/*")
    assert ".jsonl" not in result.out, result
    assert "key" not in result.out


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

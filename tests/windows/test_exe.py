"""The shipped program under plain Wine: what needs no jail works, what needs one is refused."""
import json
import os
import pathlib
import subprocess

import pytest

wine_only = pytest.mark.skipif(os.name == "nt", reason="this Windows has AppContainers")
WINE_PREFIX = pathlib.Path(__file__).resolve().parents[2] / "build" / "wineprefix"


def rules(tmp_path, text="allow GET registry.example/pkg/**\n"):
    (tmp_path / "s.rules").write_text(text)
    return "s.rules"


def record(tmp_path):
    """Beside the working folder: one inside it is none that the command could not see."""
    return f"..\\{tmp_path.name}-record"


def test_a_record_in_the_working_folder_is_refused(sallyport, tmp_path):
    done = sallyport("run", "--rules", rules(tmp_path), "--record", "rec", "--", "cmd.exe", "/c", "echo ran")
    assert done.returncode == 125 and "ran" not in done.stdout
    assert "which is kept from the command" in done.stderr, done


def test_version(sallyport):
    done = sallyport("version")
    assert done.returncode == 0
    assert done.stdout.startswith("sallyport ") and "mbedtls" in done.stdout


def test_rules_check_accepts(sallyport, tmp_path):
    done = sallyport("rules", "check", rules(tmp_path))
    assert done.returncode == 0, done.stderr


def test_rules_check_refuses_with_the_place(sallyport, tmp_path):
    done = sallyport("rules", "check", rules(tmp_path, "allow GET a.example/**\nalow GET b.example\n"))
    assert done.returncode != 0
    assert "s.rules:2:" in done.stderr


def test_rules_explain(sallyport, tmp_path):
    name = rules(tmp_path)
    allowed = sallyport("rules", "explain", "--rules", name, "GET", "https://registry.example/pkg/x")
    refused = sallyport("rules", "explain", "--rules", name, "GET", "https://registry.example/other")
    assert allowed.returncode == 0 and "s.rules:1" in allowed.stdout
    assert refused.returncode != 0


@wine_only
def test_run_is_refused_where_there_is_no_container(sallyport, tmp_path):
    """Wine has no AppContainer: the command must not run, and the missing protection is named."""
    name = rules(tmp_path)
    done = sallyport("run", "--rules", name, "--record", record(tmp_path), "--", "cmd.exe", "/c",
                     "echo it ran > ran.txt")
    assert done.returncode == 125
    assert "the protection `AppContainer` cannot be put up, so nothing is started" in done.stderr
    assert not (tmp_path / "ran.txt").exists()


@wine_only
def test_a_windows_without_utf8_is_refused(exe, runner, tmp_path):
    """Paths would be read as other letters: here a copy whose manifest asks for nothing."""
    program = tmp_path / "sallyport.exe"
    program.write_bytes(pathlib.Path(exe).read_bytes().replace(b"activeCodePage", b"noneCodePage__"))
    name = rules(tmp_path)
    done = subprocess.run([*runner, str(program), "run", "--rules", name, "--record", record(tmp_path), "--", "cmd.exe"],
                          cwd=tmp_path, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL)
    assert done.returncode == 125 and "Windows 10 1903 or later" in done.stderr, done


def test_log_show_reads_a_record(sallyport, tmp_path):
    folder = tmp_path / "rec"
    folder.mkdir()
    line = {"seq": 0, "time": "2026-01-02T03:04:05.000000006Z", "mono": 1, "kind": "start",
            "command": ["npm", "install"], "user": "somebody"}
    (folder / "000001.jsonl").write_text(json.dumps(line, separators=(",", ":")) + "\nno record\n")
    done = sallyport("log", "show", "rec")
    assert '["npm","install"] by somebody' in done.stdout
    assert "000001.jsonl:2: this line is no record" in done.stderr
    assert done.returncode == 1


@wine_only
def test_doctor_names_what_is_missing(sallyport):
    done = sallyport("doctor")
    assert done.returncode == 1
    assert "DOWN       AppContainer" in done.stdout and "nothing can be run in a jail here" in done.stdout


def state_folder(sallyport):
    """The run folders' parent, as Windows and as this system name it."""
    if os.name == "nt":
        place = pathlib.Path(os.environ["LOCALAPPDATA"]) / "sallyport" / "runs"
        return str(place), place
    prefix = pathlib.Path(os.environ.get("SALLYPORT_WINEPREFIX") or WINE_PREFIX)
    folder = next((prefix / "drive_c" / "users").glob("*/AppData/Local"), None)
    if folder is None:
        sallyport("doctor", "--repair")
        folder = next((prefix / "drive_c" / "users").glob("*/AppData/Local"))
    user = folder.parent.parent.name
    return f"C:\\users\\{user}\\AppData\\Local\\sallyport\\runs", folder / "sallyport" / "runs"


def test_repair_takes_back_what_a_crash_left(sallyport):
    sallyport("doctor", "--repair")  # makes the folders
    name, place = state_folder(sallyport)
    run = place / "run-0123456789abcdef"
    (run / "home" / "Temp").mkdir(parents=True)
    (run / "home" / "Temp" / "x").write_text("of the command\n")
    (run / "view" / "C").mkdir(parents=True)
    (run / "mine.txt").write_text("a file of ours\n")
    (run / "journal").write_text("".join(f"{line}\n" for line in [
        f"profile\t-\tsallyport-0123456789abcdef",
        f"tree\t-\t{name}\\{run.name}\\home",
        f"folder\t-\t{name}\\{run.name}\\view",
        f"folder\t-\t{name}\\{run.name}\\view\\C",
        f"file\t-\t{name}\\{run.name}\\mine.txt"]))
    done = sallyport("doctor", "--repair")
    assert done.returncode == 0, done
    assert "5 taken back, 0 have to stay" in done.stdout
    assert not run.exists()
    assert "0 taken back" in sallyport("doctor", "--repair").stdout


def test_repair_leaves_what_it_does_not_understand(sallyport):
    sallyport("doctor", "--repair")
    _, place = state_folder(sallyport)
    run = place / "run-00000000000000ff"
    run.mkdir()
    (run / "journal").write_text("sorcery\t-\tC:\\x\nfile\t-\tC:\\windows\\win.ini\n")
    try:
        done = sallyport("doctor", "--repair")
        assert done.returncode == 1 and "have to stay" in done.stdout, done
        assert (run / "journal").exists()
    finally:
        (run / "journal").unlink()
        run.rmdir()


@wine_only
def test_a_run_that_is_refused_leaves_nothing(sallyport, tmp_path):
    sallyport("run", "--rules", rules(tmp_path), "--record", record(tmp_path), "--", "cmd.exe", "/c", "exit 0")
    _, place = state_folder(sallyport)
    assert list(place.iterdir()) == []
    assert "0 taken back, 0 have to stay" in sallyport("doctor", "--repair").stdout


# Those that any user may do outside a jail: an attempt that could not succeed would prove nothing.
REAL = {"container", "tcp-loopback", "udp", "other-project", "home", "write-outside", "hardlink", "kill", "memory",
        "token", "breakaway", "pipe"}


def outcomes(done):
    rows = (line.split(maxsplit=2) for line in done.stdout.splitlines())
    return {row[1]: row[0] for row in rows if len(row) == 3 and row[0] in ("held", "ESCAPED", "unknown")}


def test_the_attempts_are_real(sallyport, tmp_path):
    done = sallyport("doctor", "--control", *sorted(REAL), timeout=120)
    assert outcomes(done) == {name: "ESCAPED" for name in REAL}, done
    assert done.returncode == 1
    assert list(tmp_path.iterdir()) == []  # the canaries are taken away


@pytest.mark.parametrize("name, address, outcome", [
    ("tcp-outside", "", "unknown"), ("udp-outside", "", "unknown"),  # there is none to ask
    ("tcp-outside", "127.0.0.1", "ESCAPED"),  # it says no: the question arrived
    # To everybody: the system itself says no, as it does in a container.
    ("tcp-outside", "255.255.255.255", "held"), ("udp-outside", "255.255.255.255", "held")])
def test_attempts_to_leave_the_machine(sallyport, name, address, outcome):
    done = sallyport("probe", name, f"ADDRESS={address}")
    assert done.stdout.startswith(f"{outcome}\t"), done


@wine_only
def test_no_attempt_is_called_held_where_nothing_can_be_jailed(sallyport, tmp_path):
    done = sallyport("doctor", "--probe", "home", "token")
    assert outcomes(done) == {"home": "unknown", "token": "unknown"}, done
    assert done.stdout.count("the protection `AppContainer` cannot be put up") == 2
    assert done.returncode == 1 and list(tmp_path.iterdir()) == []

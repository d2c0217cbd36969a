"""The shipped program under plain Wine: what needs no jail works, what needs one is refused."""
import json


def rules(tmp_path, text="allow GET registry.example/pkg/**\n"):
    (tmp_path / "s.rules").write_text(text)
    return "s.rules"


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


def test_run_is_refused_where_there_is_no_container(sallyport, tmp_path):
    """Wine has no AppContainer: the command must not run, and the missing protection is named."""
    name = rules(tmp_path)
    done = sallyport("run", "--rules", name, "--record", "rec", "--", "cmd.exe", "/c",
                     "echo it ran > ran.txt")
    assert done.returncode == 125
    assert "the protection `AppContainer` cannot be put up, so nothing is started" in done.stderr
    assert not (tmp_path / "ran.txt").exists()


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

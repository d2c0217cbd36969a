"""A run in a real jail: Windows alone. Nobody has seen these pass yet (docs/windows.md)."""
import http.server
import os
import re
import shutil
import threading

import pytest

if os.name != "nt":
    pytest.skip("Wine has no AppContainer: test_recorded.py shows what is asked for", allow_module_level=True)


class Origin(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


@pytest.fixture
def origin():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Origin)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    shutil.copy(os.environ["SALLYPORT_CLIENT"], folder / "client.exe")
    return folder


def test_what_is_allowed_passes_and_the_rest_does_not(sallyport, tmp_path, project, origin):
    (project / "sallyport.rules").write_text(f"allow GET {origin}/ok private\n")
    done = sallyport("run", "--record", str(tmp_path / "record"), "--", ".\\client.exe", f"{origin}/ok",
                     f"{origin}/no", cwd=project)
    assert done.returncode == 0 and done.stdout.split() == ["status", "200", "status", "403"], done
    shown = sallyport("log", "show", str(tmp_path / "record"))
    assert re.search(r"allow +200.*/ok", shown.stdout) and re.search(r"deny +403.*/no", shown.stdout), shown
    assert "0 taken back, 0 have to stay" in sallyport("doctor", "--repair").stdout


@pytest.mark.parametrize("line, status", [("exit 7", 7), ("echo x>made.txt", 0), ("type sallyport.rules", 0),
                                          ("echo x>>sallyport.rules", 1), ("del sallyport.rules", None)])
def test_the_working_folder(sallyport, tmp_path, project, line, status):
    """It is the command's to write, but for the page that the next run believes."""
    (project / "sallyport.rules").write_text("deny * **\n")
    done = sallyport("run", "--record", str(tmp_path / "record"), "--", "cmd.exe", "/d", "/c", line, cwd=project)
    assert done.returncode == status or status is None, done
    assert (project / "sallyport.rules").read_text() == "deny * **\n"
    assert (project / "made.txt").exists() == ("made" in line)


@pytest.mark.parametrize("statement, words", [
    ("hide secret", "cannot be hidden inside"), ("read below", "cannot be kept from writing inside"),
    ("read ../*", "patterns of paths are not there")])
def test_statements_that_would_not_hold(sallyport, tmp_path, project, statement, words):
    (project / "below").mkdir()
    (project / "secret").mkdir()
    (project / "sallyport.rules").write_text(f"{statement}\n")
    done = sallyport("run", "--record", str(tmp_path / "record"), "--", "cmd.exe", "/d", "/c", "echo ran", cwd=project)
    assert done.returncode == 125 and words in done.stderr and "ran" not in done.stdout, done

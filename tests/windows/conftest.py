"""The program under Wine, in a fresh folder of its own."""
import os
import pathlib
import shutil
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent


@pytest.fixture(scope="session")
def exe():
    path = os.environ.get("SALLYPORT_EXE")
    if not path:
        pytest.skip("SALLYPORT_EXE names no program: run make test-windows")
    if shutil.which("wine") is None:
        pytest.skip("wine is not installed")
    return path


@pytest.fixture
def sallyport(exe, tmp_path):
    """sallyport("run", "--", ...) -> CompletedProcess with text; runs in tmp_path."""
    def call(*args, env=None, cwd=tmp_path, timeout=60):
        return subprocess.run([HERE / "wine.sh", exe, *args], cwd=cwd, timeout=timeout,
                              capture_output=True, text=True, errors="replace",
                              stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})})
    return call

"""The program in a fresh folder of its own: under Wine, or on Windows as it is."""
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
    return path


@pytest.fixture(scope="session")
def runner():
    """What stands before the program."""
    if os.name == "nt":
        return []
    if shutil.which("wine") is None:
        pytest.skip("wine is not installed")
    return [str(HERE / "wine.sh")]


@pytest.fixture
def sallyport(exe, runner, tmp_path):
    """sallyport("run", "--", ...) -> CompletedProcess with text; runs in tmp_path."""
    def call(*args, env=None, cwd=tmp_path, timeout=60):
        return subprocess.run([*runner, exe, *args], cwd=cwd, timeout=timeout,
                              capture_output=True, text=True, errors="replace",
                              stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})})
    return call

#!/usr/bin/env python3
"""Are the tables of docs/ as complete as they say, and are the tests there that they name?

Usage: test_docs.py
docs/stip.md: a row for each requirement of the protection module and no other, each with a test or with what
differs. docs/gateway.md, docs/stip.md, docs/http.md: every test named exists. docs/certificates.md: a reason for
each case that x509_limbo.expected excuses. The module's text is found in $SALLYPORT_SHARED_DATA, or in shared/data
beside the repository; without it that comparison alone is left out (exit status 77).
"""
import os
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
TREE = HERE.parents[1]
DOCS = TREE / "docs"
SKIPPED = 77
IDENTIFIER = re.compile(r"\bF[A-Z]{2}_[A-Z0-9_]+\.\d+(?:/\w+)?")
CITED = re.compile(r"\b([suc])/([\w.]+\w)")


def find_data():
    given = os.environ.get("SALLYPORT_SHARED_DATA")
    folder = pathlib.Path(given) if given else TREE.parent / "shared" / "data"
    return folder / "stip-2.0-sfrs.txt"


def required(text):
    """Headings are "## fcs_cop.1 STIP Title" or, with two blanks, without an iteration: "## fau_sar.1  Title"."""
    for match in re.finditer(r"^## (\w+\.\d+) (\w*)", text, re.M):
        yield match[1].upper() + (f"/{match[2]}" if match[2] else "")


def rows(name):
    for line in (DOCS / name).read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.split(" | ")]
        if line.startswith("| ") and len(cells) >= 2:
            yield cells


def exists(kind, name):
    if kind == "s":
        number, _, rest = name.partition("_")
        return any((TREE / "tests/scenario").glob(f"test_{number}_{rest}*.py"))
    if kind == "u":
        return (TREE / f"tests/unit/test_{name}.c").exists()
    return (HERE / name).exists() or (HERE / f"{name}.c").exists()


def missing_tests():
    for name in ("gateway.md", "stip.md"):
        for kind, test in CITED.findall((DOCS / name).read_text(encoding="utf-8")):
            if test not in ("NN", "x") and not exists(kind, test):
                yield f"{name} names {kind}/{test}, which is not there"
    unit = "".join((TREE / f"tests/unit/test_http_{part}.c").read_text() for part in ("parse", "target", "write"))
    for cells in rows("http.md"):
        for test in re.findall(r"\b[a-z]+_[a-z_]+\b", cells[-1]) if len(cells) == 4 else []:
            if f"static void {test}(" not in unit:
                yield f"http.md names {test}, which is no test"


def bare_rows():
    """A claim without a test, and without a word that it is one."""
    for cells in rows("stip.md"):
        if IDENTIFIER.search(cells[0]) and not CITED.search(cells[1]) and "iffers" not in cells[1]:
            yield f"stip.md, {cells[0]}: neither a test nor what differs"
    for section in ("For clients", "Against attackers"):
        text = (DOCS / "gateway.md").read_text(encoding="utf-8").split(f"## {section}\n")[1].split("\n## ")[0]
        for line in text.splitlines():
            if line.startswith("| ") and line != "| behaviour | test |" and not (CITED.search(line) or "`tests/" in line):
                yield f"gateway.md: no test in {line}"


def unreasoned():
    said = (DOCS / "certificates.md").read_text(encoding="utf-8")
    for line in (HERE / "x509_limbo.expected").read_text().splitlines():
        words = line.split()
        if words[:1] == ["false-accept"] and f"`{words[1]}`" not in said:
            yield f"certificates.md gives no reason for {words[1]}"


def main():
    wrong = [*missing_tests(), *bare_rows(), *unreasoned()]
    given = {name for cells in rows("stip.md") for name in IDENTIFIER.findall(cells[0])}
    data = find_data()
    if data.exists():
        wanted = set(required(data.read_text(encoding="utf-8")))
        wrong += [f"stip.md has no row for {name}" for name in sorted(wanted - given)]
        wrong += [f"stip.md has a row for {name}, which the module does not know" for name in sorted(given - wanted)]
        print(f"stip: {len(wanted & given)}/{len(wanted)} requirements have their row")
    else:
        print(f"left out: the module's requirements are not at {data} (set SALLYPORT_SHARED_DATA)")
    for line in wrong:
        print(f"FAILED: {line}")
    return 1 if wrong or not given else 0 if data.exists() else SKIPPED


if __name__ == "__main__":
    sys.exit(main())

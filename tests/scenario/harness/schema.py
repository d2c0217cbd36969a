"""What docs/record.schema.json says of a record, asked of every record of every run."""
import json
import pathlib
import re

import jsonschema

PATH = pathlib.Path(__file__).parents[3] / "docs" / "record.schema.json"
SCHEMA = json.loads(PATH.read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
# What "reason" and "end" may say: docs/audit.md, "Words".
WORDS = set(re.findall("`([a-z0-9-]+)`", PATH.with_name("audit.md").read_text().split("## Words")[1].split("\n## ")[0]))


def problems(record):
    unknown = [f"{name}: {record[name]!r} is none of the words of docs/audit.md"
               for name in ("reason", "end") if record.get(name) not in {None, *WORDS}]
    return unknown + [f"{'.'.join(map(str, error.absolute_path)) or 'record'}: {error.message}"
                      for error in VALIDATOR.iter_errors(record)]


def check(records):
    for record in records:
        found = problems(record)
        assert not found, f"not as docs/record.schema.json says: {found}\n{json.dumps(record)}"

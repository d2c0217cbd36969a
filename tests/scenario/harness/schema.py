"""What docs/record.schema.json says of a record, asked of every record of every run."""
import json
import pathlib

import jsonschema

PATH = pathlib.Path(__file__).parents[3] / "docs" / "record.schema.json"
SCHEMA = json.loads(PATH.read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def problems(record):
    return [f"{'.'.join(map(str, error.absolute_path)) or 'record'}: {error.message}"
            for error in VALIDATOR.iter_errors(record)]


def check(records):
    for record in records:
        found = problems(record)
        assert not found, f"not as docs/record.schema.json says: {found}\n{json.dumps(record)}"

"""Record folders made for tests of what reads them, by the schema that the writer is held against."""
import datetime
import json

from harness import schema

RUN = "20260102T030405Z-00c0ffee"


class MadeRecord:
    def __init__(self, folder, start="2026-01-02T03:04:05"):
        self.folder, self.records, self.requests = folder, [], 0
        self.time = datetime.datetime.fromisoformat(start)
        folder.mkdir(mode=0o755)

    def add(self, kind, after=0.1, **fields):
        self.time += datetime.timedelta(seconds=after)
        record = {"seq": len(self.records), "kind": kind, "time": self.time.isoformat(timespec="microseconds") + "000Z",
                  "mono_ns": 1 + len(self.records), "run": RUN, **fields}
        assert schema.problems(record) == []
        self.records.append(record)
        return record

    def request(self, host="a.test", path="/", verdict="allow", status=200, method="GET", scheme="https", port=443, rule="x.rules:1",
                sent=0, got=5, took_ms=20, reason=None, body=None, end="complete", outcome=True, **fields):
        """A request with what became of it."""
        self.requests += 1
        common = {"session": 1, "request": self.requests, "way": "proxy", "client": "127.0.0.1:9", "scheme": scheme, "host": host,
                  "port": port, "verdict": verdict}
        if scheme != "tcp":
            common.update(method=method, path=path)
        if rule:
            common["rule"] = rule
        headers = fields.pop("request_headers", [])
        response_headers = fields.pop("response_headers", [])
        common.update(fields)
        self.add("intent", **common, reason=reason or ("no-rule" if verdict == "deny" else "allowed"), request_headers=headers,
                 **({"status": status} if verdict == "deny" else {}))
        if verdict != "deny" and outcome:
            body = {"response_sha256": body} if body else {}
            status = {"status": status} if scheme != "tcp" else {}
            self.add("outcome", after=took_ms / 1000, **common, **status, **body, request_bytes=sent, response_bytes=got,
                     address="198.51.100.7:443", total_ns=int(took_ms * 1e6), end=end, response_headers=response_headers)

    def write(self, change=lambda lines: lines, name="000001.jsonl"):
        lines = change([json.dumps(r, separators=(",", ":")) for r in self.records])
        (self.folder / name).write_text("".join(line + "\n" for line in lines))
        return self.folder

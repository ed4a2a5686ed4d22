"""A project folder with one source, and the program run on it."""

import json
import os
import subprocess

SEGMENTS = """
now: 2026-03-01
timezone: Europe/Stockholm
value: "sum(order.amount)"
metrics:
  orders: "count(order)"
  money: "sum(order.amount)"
segments:
  buyers: "did(order)"
  several: "count(order) >= 2"
"""


class Project:
    def __init__(self, folder, source, env=None):
        self.folder = folder
        self.env = dict(os.environ, **(env or {}))
        self.write(source)

    def write(self, source):
        """`source` is YAML of the source's keys, without indentation."""
        lines = "\n".join("    " + line for line in source.strip().splitlines())
        (self.folder / "krets.yaml").write_text(
            "krets: 1\nname: test\n" + SEGMENTS + "sources:\n  order:\n" + lines + "\n",
            encoding="utf-8",
        )

    def krets(self, *arguments):
        return subprocess.run(
            [os.environ["KRETS"], "-C", str(self.folder), *arguments],
            env=self.env, capture_output=True, text=True, timeout=120, check=False,
        )

    def run(self):
        """Runs the model: {segment: (customers, value)}."""
        done = self.krets("run", "--json")
        assert done.returncode == 0, done.stderr
        result = json.loads(done.stdout)
        return {s["segment"]: (s["customers"], s["value"]) for s in result["segments"]}

    def profile(self):
        done = self.krets("profile", "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["sources"][0]


def column(profile, name):
    return next(c for c in profile["columns"] if c["name"] == name)


def finding(profile, key, reason):
    found = [f for f in profile[key] if f["reason"].startswith(reason)]
    assert found, (reason, profile[key])
    return found[0]

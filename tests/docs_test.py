"""What the documents say is true of the program: models, expressions, commands, output."""

import os
import re
import shlex
import subprocess

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
KRETS = os.environ["KRETS"]
FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.M | re.S)


def read(name):
    with open(os.path.join(TOP, name), encoding="utf-8") as file:
        return file.read()


def blocks(name):
    """(language, file name or None, text) of each fenced block."""
    return [(b[1], b[2], b[3]) for b in FENCE.finditer(read(name))]


def krets(folder, *arguments):
    return subprocess.run([KRETS, *arguments], cwd=folder, capture_output=True, text=True,
                          timeout=60, check=False)


def steady(output):
    """Without what differs between runs and machines: seconds, versions."""
    output = re.sub(r"\d+\.\d\d s\b", "N s", output)
    return re.sub(r"\(time zones: system \w+\)", "(time zones: system X)", output)


def test_start_runs_as_it_stands(tmp_path):
    """Files are written, commands run in order, and output is what the page shows."""
    output, commands = None, 0
    for language, name, text in blocks("docs/user/start.md"):
        if name:
            (tmp_path / name).write_text(text, encoding="utf-8")
        elif language == "sh":
            output = ""
            for line in text.splitlines():
                words = shlex.split(line, comments=True)
                assert words[0] == "krets", line
                done = krets(tmp_path, *words[1:])
                assert done.returncode == 0, (line, done.stdout, done.stderr)
                output += done.stdout
                commands += 1
        elif language == "text":
            assert steady(output) == steady(text)
            output = None
        elif text.startswith("# Made by `krets init`"):
            assert (tmp_path / "krets.yaml").read_text(encoding="utf-8") == text
    assert commands >= 10
    for result in ("segments.csv", "customers.parquet", "report.html"):
        assert (tmp_path / "out" / result).stat().st_size > 0

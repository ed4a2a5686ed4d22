#!/usr/bin/env python3
"""Instructions of the kernel's inner loops, counted by callgrind: the same on a busy machine.

    tools/python bench/requirements.txt      prints the Python to run this with
    bench/instructions.py BUILD [--record] [--folder DIR]

BUILD is a release build. The kernel evaluates 100,000 generated events of 2,000 customers for 100 and
1,000 segments on one thread (AVX2 at most: valgrind knows no AVX-512). What a first job does once is
taken out by counting one warm job and eleven and taking the difference. Printed are instructions for
each event and function, beside the figures in bench/instructions.json (--record writes them), and
which got worse; the status is 1 if the sum of a model did. Other compilers give other figures.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
RECORD = os.path.join(HERE, "instructions.json")
ROWS = 100_000
COUNTS = [100, 1000]
WARM_JOBS = 10
LEAST = 0.2  # instructions an event; functions with fewer go into "others"
WORSE_RATIO = 1.03
LINE = re.compile(r"^\s*([\d,]+) \(\s*[\d.]+%\)\s+(\S*?):(\S+)")


def counted(build, model, data, runs, folder):
    """Instructions by function of one warming job and `runs` more."""
    file = os.path.join(folder, "callgrind.out")
    program = os.path.join(build, "bench", "kernel_bench")
    subprocess.run(["valgrind", "--tool=callgrind", "--toggle-collect=engine_kernel_run",
                    f"--callgrind-out-file={file}", program, "batch", model, data, "1", str(runs)],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    text = subprocess.run(["callgrind_annotate", "--threshold=100", "--auto=no", file], check=True,
                          capture_output=True, text=True).stdout
    counts = {}
    for line in text.split("\n"):
        found = LINE.match(line)
        if found and found.group(3) != "TOTALS":
            name = re.sub(r"('\d+|\.(constprop|part|isra|cold)(\.\d+)?)+$", "", found.group(3))
            counts[name] = counts.get(name, 0) + int(found.group(1).replace(",", ""))
    return counts


def figures(build, model, data, folder):
    """Instructions an event of a warm job: {function: n}, with "all" and "others"."""
    few = counted(build, model, data, 1, folder)
    many = counted(build, model, data, 1 + WARM_JOBS, folder)
    each = {name: (many[name] - few.get(name, 0)) / WARM_JOBS / ROWS for name in many}
    result = {"all": sum(each.values())}
    for name, count in sorted(each.items(), key=lambda item: -item[1]):
        if count >= LEAST:
            result[name] = count
        else:
            result["others"] = result.get("others", 0) + count
    return {name: round(count, 3) for name, count in result.items()}


def compare(count, now, before):
    print(f"\n{count + ' segments: instructions an event':<52}{'now':>9}{'recorded':>12}{'ratio':>10}")
    worse = []
    for name in dict.fromkeys([*now, *before]):
        a, b = now.get(name, 0.0), before.get(name)
        line = f"  {name:<50}{a:>9.2f}"
        if b is not None:
            line += f"{b:>12.2f}{a / b if b > 0 else 0:>10.3f}"
            if a > b * WORSE_RATIO:
                worse.append(name)
                line += "  worse"
        elif before:
            line += "         new"
        print(line, flush=True)
    return worse


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--folder")
    options = parser.parse_args()
    folder = options.folder or tempfile.mkdtemp(prefix="krets-instructions-")
    try:
        subprocess.run([sys.executable, os.path.join(HERE, "kernel.py"), options.build, "--folder",
                        folder, "--rows", str(ROWS), "--counts", ",".join(map(str, COUNTS)),
                        "--prepare", "--keep"], check=True, stdout=subprocess.DEVNULL)
        scale = os.path.join(folder, f"rows-{ROWS}")
        now = {str(n): figures(options.build, os.path.join(scale, f"segments-{n}"),
                               os.path.join(scale, "krets-data"), folder) for n in COUNTS}
    finally:
        if options.folder is None:
            shutil.rmtree(folder, ignore_errors=True)
    compiler = subprocess.run(["cc", "--version"], capture_output=True, text=True,
                              check=True).stdout.split("\n")[0]
    record = {}
    if os.path.exists(RECORD):
        with open(RECORD, encoding="utf-8") as file:
            record = json.load(file)
    if record and record["compiler"] != compiler:
        print(f"recorded with {record['compiler']}, this is {compiler}")
    worse = {n: compare(n, now[n], record.get("segments", {}).get(n, {})) for n in now}
    if options.record:
        with open(RECORD, "w", encoding="utf-8") as file:
            json.dump({"compiler": compiler, "events": ROWS, "segments": now}, file, indent=1)
            file.write("\n")
        print(f"\nrecorded in {os.path.relpath(RECORD)}")
        return 0
    for n, names in worse.items():
        print(f"{n} segments: " + (f"worse: {', '.join(names)}" if names else "nothing got worse"))
    return 1 if any("all" in names for names in worse.values()) else 0


if __name__ == "__main__":
    sys.exit(main())

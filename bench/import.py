#!/usr/bin/python3
"""Import of generated events from Parquet against DuckDB's own sorted COPY of the same file.

    bench/import.py BUILD_FOLDER [--krets PROGRAM] [--rows N] [--customers N] [--runs N]
                    [--threads N] [--memory MIB] [--folder DIR] [--seed N]

Both are run in turn, with the same threads, each in a process of its own. Printed are seconds of wall
clock and processor, peak resident memory, the ratio of each pair of runs, and the medians. DuckDB's
COPY may use the whole memory that the import may use. With --krets the whole `krets import` is
measured, else the store's import alone. Needs about 5 GB of disk for 50 million rows.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

MODEL = """krets: 1
name: Import benchmark
sources:
  events:
    file: "{file}"
    customer: customer
    time: time
    timezone: UTC
    event: {{ column: event }}
"""


def run(command):
    """Runs the command; gives wall seconds, processor seconds and peak resident MiB."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"import.py: {' '.join(command)} ended with {process.returncode}")
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--krets")
    parser.add_argument("--rows", type=int, default=50_000_000)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", type=int, default=4000)
    parser.add_argument("--folder")
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    subprocess.run(["ninja", "-C", options.build, "--quiet", "bench/import_bench"], check=True)
    bench = os.path.join(options.build, "bench", "import_bench")
    folder = tempfile.mkdtemp(prefix="krets-bench-", dir=options.folder)
    try:
        measure(options, bench, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def import_command(options, bench, folder, file, data):
    if options.krets is None:
        return [bench, "import", file, data, str(options.threads), str(options.memory)]
    with open(os.path.join(folder, "krets.yaml"), "w", encoding="utf-8") as model:
        model.write(MODEL.format(file=file))
    return [options.krets, "-C", folder, "--data", data, "--threads", str(options.threads),
            "--memory", f"{options.memory}MiB", "import"]


def measure(options, bench, folder):
    file = os.path.join(folder, "events.parquet")
    out = os.path.join(folder, "sorted.parquet")
    data = os.path.join(folder, "krets-data")
    subprocess.run([bench, "generate", file, str(options.rows), str(options.customers),
                    str(options.seed)], check=True, stdout=subprocess.DEVNULL)
    copy = [bench, "copy", file, out, str(options.threads), str(options.memory),
            os.path.join(folder, "spill")]
    load = import_command(options, bench, folder, file, data)
    print(f"{options.rows} rows, {options.customers} customers, seed {options.seed}, "
          f"{options.threads} threads, {options.memory} MiB")
    print("run   copy_s copy_cpu_s copy_MiB   import_s import_cpu_s import_MiB   ratio cpu_ratio")
    rows = []
    for number in range(1, options.runs + 1):
        c = run(copy)
        os.remove(out)
        shutil.rmtree(data, ignore_errors=True)
        i = run(load)
        rows.append((*c, *i, i[0] / c[0], i[1] / c[1]))
        print_row(number, rows[-1])
    print_row("med", [statistics.median(column) for column in zip(*rows)])


def print_row(label, row):
    print(f"{label:<4}{row[0]:8.1f} {row[1]:10.1f} {row[2]:8.0f} {row[3]:10.1f} {row[4]:12.1f} "
          f"{row[5]:10.0f} {row[6]:7.2f} {row[7]:9.2f}", flush=True)


if __name__ == "__main__":
    main()

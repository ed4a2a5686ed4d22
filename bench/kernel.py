#!/usr/bin/env python3
"""The kernel against ClickHouse, DuckDB and Polars on the same generated events, in one run.

    tools/python bench/requirements.txt          prints the Python to run this with
    bench/kernel.py BUILD [--folder DIR] [--rows N] [--events-a-customer N] [--counts 1,10,100,1000]
                    [--peers clickhouse,duckdb,polars] [--threads N] [--runs N] [--limit SECONDS]
                    [--scales 0.1,1,4] [--keep] [--prepare] [--json FILE]

BUILD is a release build. Every engine answers the same segments (bench/segments.py) over the same
events (bench/events.py), loaded into its own sorted table, warm; sizes of all segments are compared
before any time counts. A peer that needs more than --limit seconds for the runs of one number of
segments, or ends for want of memory, is given up there, and that is printed. Then, for Krets alone: an index from a cold store, many
instants at once, one segment more, one customer, and other numbers of events with as many for each
customer (--scales, of --rows). 50 million events need about 12 GB of disk, four times as many 20 GB
more. --keep leaves the folder (--folder) and uses what is in it again; --prepare only fills it.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading

import events
import segments

HERE = os.path.dirname(os.path.abspath(__file__))
NAMES = {"clickhouse": "ClickHouse", "duckdb": "DuckDB", "polars": "Polars"}
LATENCY_EVENTS = 200
LATENCY_RUNS = 10_000
NOW_COUNT = 120


def say(line=""):
    print(line, flush=True)


# --- data ---

class Scale:
    """Events of one number of rows, their models and Krets' store."""

    def __init__(self, options, rows):
        self.rows = rows
        self.folder = os.path.join(options.folder, f"rows-{rows}")
        self.data = os.path.join(self.folder, "krets-data")
        self.files = os.path.join(self.folder, "events", "events-*.parquet")

    def model(self, count):
        return os.path.join(self.folder, f"segments-{count}")

    def prepare(self, options):
        """Generates and imports, unless that has been done with the same parameters."""
        wanted = {"rows": self.rows, "events_a_customer": options.events_a_customer,
                  "seed": options.seed, "resolution": options.resolution}
        mark = os.path.join(self.folder, "complete.json")
        if not (os.path.exists(mark) and json.load(open(mark, encoding="utf-8")) == wanted):
            shutil.rmtree(self.folder, ignore_errors=True)
            subprocess.run(
                [sys.executable, os.path.join(HERE, "events.py"), os.path.dirname(self.files),
                 "--rows", str(self.rows), "--customers",
                 str(max(1, self.rows // options.events_a_customer)), "--seed", str(options.seed),
                 "--threads", str(options.threads), "--resolution", options.resolution],
                check=True, stdout=subprocess.DEVNULL)
            self.write_models(options)
            krets(options, "import", "-C", self.model(options.counts[0]), "--data", self.data,
                  "--threads", str(options.threads), "--memory", "4GiB")
            with open(mark, "w", encoding="utf-8") as file:
                json.dump(wanted, file)
        self.write_models(options)

    def write_models(self, options):
        for count in options.counts:
            os.makedirs(self.model(count), exist_ok=True)
            with open(os.path.join(self.model(count), "krets.yaml"), "w", encoding="utf-8") as file:
                file.write(segments.model(segments.make(count, options.segment_seed), self.files))

    def forget_index(self):
        """The next index is built from a store that is not in the page cache."""
        shutil.rmtree(os.path.join(self.data, "index"), ignore_errors=True)
        os.sync()
        for folder, _, names in os.walk(self.data):
            for name in names:
                handle = os.open(os.path.join(folder, name), os.O_RDONLY)
                os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(handle)


def krets(options, *arguments):
    program = os.path.join(options.build, "src", "cli", "krets")
    subprocess.run([program, *arguments], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def bench(options, command, scale, count, first, second):
    program = os.path.join(options.build, "bench", "kernel_bench")
    done = subprocess.run([program, command, scale.model(count), scale.data, str(first),
                           str(second)], stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        sys.exit(f"kernel.py: kernel_bench {command} {scale.model(count)} {scale.data} ended with"
                 f" {done.returncode}")
    return json.loads(done.stdout)


# --- peers ---

def stopped(process, limit_s):
    """A line of the process's output, or None after the limit (the process is ended then)."""
    timer = threading.Timer(limit_s, process.kill)
    timer.start()
    line = process.stdout.readline()
    timer.cancel()
    return json.loads(line) if line else None


def ask_peer(options, engine, scale):
    """{count: answer of bench/peers.py} and the facts of the load; a missing count was stopped."""
    scratch = os.path.join(scale.folder, engine)
    shutil.rmtree(scratch, ignore_errors=True)
    answers, why = {}, {}
    process = subprocess.Popen(
        [sys.executable, os.path.join(HERE, "peers.py"), engine, scale.files, scratch, "--counts",
         ",".join(map(str, options.counts)), "--threads", str(options.threads), "--runs",
         str(options.runs), "--memory", str(options.memory), "--limit", str(options.limit),
         "--seed", str(options.segment_seed)],
        stdout=subprocess.PIPE, text=True)
    facts = stopped(process, options.limit)
    for count in options.counts:
        line = stopped(process, options.limit) if facts and not why else None
        if line is not None:
            answers[count] = line
        elif why:
            why[count] = "not tried"
        else:
            status = process.wait()
            why[count] = f"over {options.limit:.0f} s" if status == -9 else f"ended with {status}"
    process.kill()
    process.wait()
    shutil.rmtree(scratch, ignore_errors=True)
    return {"facts": facts or {}, "answers": answers, "why": why}


# --- the tables ---

def check_equal(krets_sizes, peer, count):
    differences = [(i, a, b) for i, (a, b) in enumerate(zip(krets_sizes, peer, strict=True))
                   if a != b]
    for i, a, b in differences[:5]:
        say(f"  DIFFERENT: segment s{i:04} of {count}: Krets {a}, peer {b}")
    return not differences


def figure(seconds):
    return f"{seconds:.4f}" if seconds < 0.1 else f"{seconds:.3f}" if seconds < 10 else f"{seconds:.1f}"


def print_comparison(options, ours, peers):
    header = "segments  Krets, s " + "".join(f"{NAMES[e] + ', s':>16}{'ratio':>9}" for e in peers)
    say(header)
    equal = True
    for count in options.counts:
        line = f"{count:>8}{figure(ours[count]['evaluate_s']):>10} "
        for engine, peer in peers.items():
            answer = peer["answers"].get(count)
            if answer is None:
                line += f"{peer['why'][count]:>25}"
                continue
            same = check_equal(ours[count]["sizes"], answer["sizes"], count)
            equal = equal and same
            ratio = f"{answer['seconds'] / ours[count]['evaluate_s']:.1f}" if same else "-"
            line += f"{figure(answer['seconds']):>16}{ratio:>9}"
        say(line)
    compared = {e: [n for n in options.counts if n in peer["answers"]] for e, peer in peers.items()}
    say("sizes of all segments equal: " + ", ".join(
        f"{NAMES[e]} for {', '.join(map(str, counts)) or 'none'}" for e, counts in compared.items())
        if equal else "ANSWERS DIFFER: the times of those that do mean nothing")
    planned = peers.get("clickhouse", {}).get("answers", {})
    if planned:
        say("of which ClickHouse plans (the same query over no rows): " + ", ".join(
            f"{figure(planned[n]['plan_s'])} s for {n}" for n in planned
            if planned[n]["plan_s"] is not None))
    return equal


def print_bounds(options, ours):
    say("segments  evaluate, s  best, s   bound, s  times the bound  B/event read  bitmaps, s  "
        "compile+bind, s  peak MiB")
    for count in options.counts:
        k = ours[count]
        bound = k["read_bytes"] / k["bandwidth_bytes_s"]
        say(f"{count:>8}{figure(k['evaluate_s']):>13}{figure(k['evaluate_s_best']):>9}"
            f"{bound:>11.4f}{k['evaluate_s'] / bound:>17.1f}{k['read_bytes'] / k['events']:>14.2f}"
            f"{k['bitmaps_s']:>12.4f}{k['compile_s'] + k['kernel_s'] + k['bind_s']:>17.4f}"
            f"{k['peak_mib']:>10.0f}")
    bandwidth = max(k["bandwidth_bytes_s"] for k in ours.values())
    say(f"memory bandwidth, a sum over 1 GiB with {options.threads} threads: up to"
        f" {bandwidth / 1e9:.1f} GB/s; bound = bytes that must be read / bandwidth of the same run")


def print_index(cold, warm_first):
    total = sum(cold[name] for name in
                ("open_s", "compile_s", "index_s", "kernel_s", "bind_s", "first_s"))
    events_count = cold["events"]
    say(f"cold store, {cold['segments']} segments: index in {cold['index_s']:.2f} s, first answer"
        f" {total:.2f} s after the start; peak {cold['peak_mib']:.0f} MiB")
    say(f"index files {cold['index_file_bytes'] / events_count:.2f} B an event: core"
        f" {cold['index_core_bytes'] / events_count:.2f}, columns"
        f" {cold['index_column_bytes'] / events_count:.2f}; open again and first answer in"
        f" {warm_first:.3f} s")


def measure_more(options, scale, ours, results):
    hundred = 100 if 100 in options.counts else options.counts[-1]
    warm = ours[hundred]
    print_index(results["cold"], sum(warm[name] for name in (
        "open_s", "compile_s", "index_s", "kernel_s", "bind_s", "first_s")))
    one = bench(options, "one", scale, hundred, options.threads, 2)
    say(f"one segment more, each of {one['segments']}: median {one['one_s'] * 1e3:.1f} ms, fastest"
        f" {one['one_s_best'] * 1e3:.1f}, slowest {one['one_s_worst'] * 1e3:.1f} ({one['slowest']});"
        f" {one['over_100_ms']} take over 100 ms")
    live = bench(options, "customer", scale, hundred, LATENCY_EVENTS, LATENCY_RUNS)
    say(f"one customer with {live['events']} events, {live['segments']} segments: kernel"
        f" {live['kernel_s'] * 1e6:.2f} us, from id to answer {live['whole_s'] * 1e6:.2f} us"
        f" (medians of {LATENCY_RUNS})")
    many = bench(options, "nows", scale, hundred, options.threads, NOW_COUNT)
    say(f"{many['nows']} instants, {many['segments']} segments: one job {many['together_s']:.2f} s,"
        f" {many['nows']} jobs {many['alone_s']:.2f} s, ratio"
        f" {many['alone_s'] / many['together_s']:.1f}; {many['differences']} sizes differ")
    results.update(one=one, customer=live, nows=many)
    return many["differences"] == 0


def measure_scales(options, main, ours, results):
    count = 100 if 100 in options.counts else options.counts[-1]
    say(f"{'events':>12}  evaluate, s  ns/event  index, s  first answer, s   ({count} segments)")
    for factor in options.scales:
        rows = int(options.rows * factor)
        scale = main if rows == options.rows else Scale(options, rows)
        if scale is main:
            cold, warm = results["cold"], ours[count]
        else:
            scale.prepare(options)
            scale.forget_index()
            cold = bench(options, "batch", scale, count, options.threads, 1)
            warm = bench(options, "batch", scale, count, options.threads, 2 * options.runs + 1)
        total = sum(cold[name] for name in
                    ("open_s", "compile_s", "index_s", "kernel_s", "bind_s", "first_s"))
        say(f"{rows:>12}{figure(warm['evaluate_s']):>13}{warm['evaluate_s'] / rows * 1e9:>10.3f}"
            f"{cold['index_s']:>10.2f}{total:>17.2f}")
        results["scales"].append({"rows": rows, "cold": cold, "warm": warm})
        if scale is not main and not options.keep:
            shutil.rmtree(scale.folder, ignore_errors=True)


def measure(options):
    scale = Scale(options, options.rows)
    scale.prepare(options)
    if options.prepare:
        say(scale.folder)
        return True
    say(f"{options.rows} events, {options.rows // options.events_a_customer} customers, seeds"
        f" {options.seed} and {options.segment_seed}, {options.threads} threads, times in"
        f" {'seconds' if options.resolution == 's' else 'milliseconds'}")
    results = {"scales": [], "options": vars(options)}
    hundred = 100 if 100 in options.counts else options.counts[-1]
    scale.forget_index()
    results["cold"] = bench(options, "batch", scale, hundred, options.threads, 1)
    for count in options.counts:  # each model adds its columns to the index
        bench(options, "batch", scale, count, options.threads, 1)
    ours = {count: bench(options, "batch", scale, count, options.threads, 2 * options.runs + 1)
            for count in options.counts}
    results["krets"] = ours
    say("\n-- Krets: evaluation of all customers, bits of all segments stored and counted; warm,"
        " medians")
    print_bounds(options, ours)
    fine = measure_more(options, scale, ours, results)
    say("\n-- other numbers of events, as many for each customer")
    if options.scales:
        measure_scales(options, scale, ours, results)
    say("\n-- the same segments elsewhere; ratio: times Krets' evaluation")
    peers = {}
    for engine in options.peers:
        peers[engine] = ask_peer(options, engine, scale)
        facts = peers[engine]["facts"]
        say(f"{NAMES[engine]} {facts.get('version', '')}: loaded in {facts.get('load_s', 0):.1f} s,"
            f" peak {max([a['peak_mib'] for a in peers[engine]['answers'].values()], default=0)} MiB")
    results["peers"] = peers
    fine = print_comparison(options, ours, peers) and fine
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)
    if not options.keep:
        shutil.rmtree(scale.folder, ignore_errors=True)
    return fine


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--folder")
    parser.add_argument("--rows", type=int, default=50_000_000)
    parser.add_argument("--events-a-customer", type=int, default=50)
    parser.add_argument("--counts", type=lambda t: [int(n) for n in t.split(",")],
                        default=[1, 10, 100, 1000])
    parser.add_argument("--peers", type=lambda t: [p for p in t.split(",") if p],
                        default=list(NAMES))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", type=int, default=12_000, help="MB for DuckDB")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--limit", type=float, default=600)
    parser.add_argument("--scales", type=lambda t: [float(n) for n in t.split(",") if n],
                        default=[0.1, 1, 4])
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--segment-seed", type=int, default=11)
    parser.add_argument("--resolution", choices=["s", "ms"], default="s")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--prepare", action="store_true")
    parser.add_argument("--json")
    options = parser.parse_args()
    subprocess.run(["ninja", "-C", options.build, "--quiet", "bench/kernel_bench",
                    "src/cli/krets"], check=True)
    is_own = options.folder is None
    options.folder = os.path.abspath(options.folder or tempfile.mkdtemp(prefix="krets-bench-"))
    try:
        return 0 if measure(options) else 1
    finally:
        if is_own:
            shutil.rmtree(options.folder, ignore_errors=True)


if __name__ == "__main__":
    assert events.END_US == segments.END_US
    sys.exit(main())

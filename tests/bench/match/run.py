"""Matching and rewriting a decoder stack: Solder, MLIR 19 and C written by hand, in one run.

Usage: python3 run.py BIN [stack] [rules] [sound] [quick]

BIN holds the programs that match.mk builds: hand, solder, pointer, mlir, and solderc beside it. A program that is
not there is left out, with a line that says so. `stack` is the table over sizes, `rules` the growth with rules
that never match (runs with and without them alternate), `sound` what checking costs; all when none is named. Every
number is the median of at least 9 runs (3 with `quick`) of one thread pinned to the last CPU; all programs must leave
the same graph. Behind the table stands what it says against the others: factors of the irregular stack, growth with
layers.
"""
import json
import os
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
LAYERS = [94, 3000, 38462]
SPREAD = ["rms_norm", "matmul", "add", "quant", "mul", "silu", "heads", "reshape"]
FAMILIES = ["same root", "eight roots", "root absent", "two deep"]


class Bench:
    def __init__(self, folder, quick):
        self.folder, self.quick = folder, quick
        self.pin = ["taskset", "-c", str(os.cpu_count() - 1)]

    def has(self, program):
        return os.access(os.path.join(self.folder, program), os.X_OK)

    def runs(self, layers):
        return 3 if self.quick else 41 if layers == 94 else 15 if layers == 3000 else 9

    def call(self, program, *args):
        path = program if os.path.isabs(program) else os.path.join(self.folder, program)
        done = subprocess.run(self.pin + [path, *map(str, args)], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{program} {' '.join(map(str, args))}: {done.stderr.strip() or done.returncode}")
        return [json.loads(line) for line in done.stdout.splitlines()]


def programs(bench):
    """(name, arguments behind LAYERS RUNS IRREGULAR) of what is there."""
    found = [(p, []) for p in ("solder", "pointer", "hand") if bench.has(p)]
    if bench.has("mlir"):
        patterns = os.path.join(bench.folder, "patterns.mlir")
        found += [("mlir", [form, driver, patterns]) for form in ("cpp", "pdl") for driver in ("walk", "greedy")]
    else:
        print("MLIR is left out: apt-get install libmlir-19-dev mlir-19-tools llvm-19-dev clang-19 lld-19\n")
    return found


def check_same(results):
    """All that rewrote must have left the same graph."""
    prints = {r["print"] for r in results if r["left"] != r["ops"]}
    if len(prints) > 1:
        sys.exit("the rewritten graphs differ:\n" + "\n".join(f"  {r['who']}: {r['left']} {r['print']}" for r in results))


def stack_table(bench):
    found, rows, ops, memory = programs(bench), {}, {}, {}
    columns = [(irregular, layers) for irregular in (0, 1) for layers in LAYERS]
    for irregular, layers in columns:
        results = []
        for program, extra in found:
            results += [r for r in bench.call(program, layers, bench.runs(layers), irregular, *extra) if "ns" in r]
        check_same([r for r in results if "building" not in r["who"]])
        for r in results:
            rows.setdefault(r["who"], {})[irregular, layers] = r["ns"]
            ops[irregular, layers] = r["ops"]
            memory[r["who"]] = r["bytes"]
    print("ns per op, match and rewrite; bytes per op of the last graph, lists of readers included (building: without)\n")
    print("| | " + " | ".join(f"{l} layers{', irregular' if i else ''}" for i, l in columns) + " | bytes |")
    print("| --- |" + " --- |" * (len(columns) + 1))
    print("| ops | " + " | ".join(f"{ops[c]:,}" for c in columns) + " | |")
    for who, cells in rows.items():
        print(f"| {who} | " + " | ".join(f"{cells[c]:.2f}" if cells[c] < 10 else f"{cells[c]:.0f}" for c in columns)
              + f" | {memory[who]:.1f} |", flush=True)
    factors(rows)


def factors(rows):
    small, large = (1, LAYERS[0]), (1, LAYERS[-1])
    own = rows["Solder, its own graph"]
    print(f"\nSolder's own graph, irregular: {LAYERS[-1]} layers take {own[large] / own[small]:.2f} x as long per op as "
          f"{LAYERS[0]}, and at {LAYERS[-1]} it takes")
    for who, cells in rows.items():
        if who != "Solder, its own graph" and "building" not in who:
            print(f"  {own[large] / cells[large]:.3f} x the time of {who}")


# ------------------------------------------------------------------ what checking costs --

def sound_table(bench):
    print("\nChecks of a rewrite: ns per op, the best of runs that alternate with those of a build without them\n")
    print("| layers | with | without | ratio |\n| --- | --- | --- | --- |")
    for irregular, layers in [(i, l) for i in (0, 1) for l in LAYERS[:2]]:
        best = {"solder": float("inf"), "unchecked/solder": float("inf")}
        for _ in range(3 if bench.quick else 7):
            results = [(p, bench.call(p, layers, bench.runs(layers), irregular)[0]) for p in best]
            check_same([r for _, r in results])
            for p, r in results:
                best[p] = min(best[p], r["best"])
        a, b = best.values()
        print(f"| {layers}{', irregular' if irregular else ''} | {a:.2f} | {b:.2f} | {a / b:.2f} |", flush=True)


# ------------------------------------------------------------------ rules that never match --

def extra_rules(family, count, with_rules=True):
    text = ["op other(x: F[*A]) -> F[*A]"]
    text += [f"op never_{i}(x: F[*A]) -> F[*A]" for i in range(count)]
    for i in range(count if with_rules else 0):
        root = "rms_norm" if family == 1 else SPREAD[i % 8]
        second = "" if root in ("silu", "heads", "reshape") else ", w"
        match = {1: f"rms_norm(never_{i}(x), w)", 2: f"{root}(never_{i}(x){second})", 3: f"never_{i}(rms_norm(x, w))",
                 4: f"matmul(quant(never_{i}(x), s), w)"}[family]
        text.append(f"rule extra_{i} {{ match {{ y = {match} }} replace {{ y = other(x) }} }}")
    return "\n".join(text) + "\n"


def compile_rules(bench, solderc, flags, name, text):
    """Writes, generates, compiles: seconds of each and bytes of the object's sections."""
    base = os.path.join(bench.folder, name)
    with open(os.path.join(HERE, "decoder.pat")) as f:
        decoder = f.read()
    with open(base + ".pat", "w") as f:
        f.write(decoder + text)
    start = time.perf_counter()
    subprocess.run([solderc, "-n", "decoder", "-o", base + ".c", base + ".pat"], check=True)
    generated = time.perf_counter()
    subprocess.run([*flags["cc"], "-O2", "-c", base + ".c", "-o", base + ".o"], check=True)
    compiled = time.perf_counter()
    size = subprocess.run(["size", base + ".o"], check=True, capture_output=True, text=True).stdout.splitlines()[1]
    return base + ".o", generated - start, compiled - generated, int(size.split()[3])


def solder_rules(bench, solderc, flags, family, count):
    obj, gen, cc, size = compile_rules(bench, solderc, flags, f"extra_{family}_{count}", extra_rules(family, count))
    bare = compile_rules(bench, solderc, flags, "bare", extra_rules(family, count, False))[3] if count else size
    program = os.path.join(bench.folder, f"solder_{family}_{count}")
    subprocess.run([*flags["cc"], obj, *flags["link"], "-o", program], check=True)
    without, ns = [statistics.median(times) for times in zip(
        *([bench.call(p, 94, bench.runs(94), 1)[0]["ns"] for p in ("solder", program)] for _ in range(9)))]
    os.remove(program)
    return ns, ns / without, gen, cc, (size - bare) / count if count else 0.0


def rules_table(bench, solderc, flags):
    counts = [0, 10, 100] if bench.quick else [0, 10, 100, 1000, 10000]
    print("\nRules that never match, 94 irregular layers: ns per op; for Solder also generating and compiling (s), bytes a rule\n")
    print("| family | rules | Solder | growth | generate | cc -O2 | bytes | MLIR PDLL walk | compile, ms | MLIR C++ walk |")
    print("| --- |" + " --- |" * 9)
    patterns = os.path.join(bench.folder, "patterns.mlir")
    for family in (1, 2, 3, 4):
        for count in counts:
            ns, growth, gen, cc, size = solder_rules(bench, solderc, flags, family, count)
            mlir = ["", "", ""]
            if bench.has("mlir"):
                pdl = bench.call("mlir", 94, 9, 1, "pdl", "walk", patterns, count, family)
                cpp = bench.call("mlir", 94, 9, 1, "cpp", "walk", patterns, count, family)
                mlir = [f"{pdl[0]['ns']:.0f}", f"{pdl[2]['ms']:.1f}", f"{cpp[0]['ns']:.0f}"]
            print(f"| {FAMILIES[family - 1]} | {count} | {ns:.2f} | {growth:.2f} | {gen:.2f} | {cc:.2f} | {size:.0f} | "
                  + " | ".join(mlir) + " |", flush=True)


def main():
    words = sys.argv[2:]
    bench = Bench(os.path.abspath(sys.argv[1]), "quick" in words)
    every = not {"stack", "rules", "sound"} & set(words)
    if every or "stack" in words:
        stack_table(bench)
    if every or "rules" in words:
        flags = {k: os.environ[f"BENCH_{k.upper()}"].split() for k in ("cc", "link")}
        rules_table(bench, os.environ["SOLDERC_BIN"], flags)
    if every or "sound" in words:
        sound_table(bench)


main()

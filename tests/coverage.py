"""What the tests reach, by gcov: lines and branches of each folder and file; what no test reaches goes to a text.

    coverage.py BUILD OUT      BUILD: objects compiled with --coverage, after the tests ran
"""
import collections
import json
import os
import subprocess
import sys

FOLDERS = ("dsl", "gen", "runtime", "runtime/cli", "kernels", "kernels/ref", "kernels/cpu")


def read(build):
    """Counts by file and line, and by branch of a line; of a header, those of all objects that include it."""
    lines = collections.defaultdict(collections.Counter)
    branches = collections.defaultdict(collections.Counter)
    notes = [os.path.join(at, f) for at, _, files in os.walk(build) for f in files if f.endswith(".gcno")]
    for note in sorted(notes):
        run = subprocess.run(["gcov", "-b", "-t", "-j", note], capture_output=True, text=True, check=True)
        for report in run.stdout.splitlines():
            for f in json.loads(report)["files"]:
                path = os.path.normpath(f["file"])
                if os.path.dirname(path) not in FOLDERS:
                    continue
                for line in f["lines"]:
                    lines[path][line["line_number"]] += line["count"]
                    for i, b in enumerate(line["branches"]):
                        branches[path][line["line_number"], i] += b["count"]
    return lines, branches


def tell(name, lines, branches):
    def share(counts):
        reached = sum(c > 0 for c in counts)
        return f"{reached:6d} of {len(counts):6d} {100 * reached / len(counts) if counts else 100:6.1f} %"

    print(f"{name:32s} {share(lines)}   {share(branches)}")


def runs(missed):
    """Lines that follow each other as (first, last)."""
    out = []
    for n in missed:
        if out and n - out[-1][1] <= 1:
            out[-1][1] = n
        else:
            out.append([n, n])
    return out


def main():
    build, out = sys.argv[1:]
    lines, branches = read(build)
    print(f"{'':32s} {'lines':>16s}   {'branches':>30s}")
    for folder in FOLDERS:
        files = sorted(f for f in lines if os.path.dirname(f) == folder)
        if files:
            tell(folder, [c for f in files for c in lines[f].values()], [c for f in files for c in branches[f].values()])
        for f in files:
            tell("  " + os.path.basename(f), lines[f].values(), branches[f].values())
    with open(out, "w", encoding="utf-8") as text:
        for f in sorted(lines):
            with open(f, encoding="utf-8") as source_file:
                source = source_file.read().splitlines()
            for first, last in runs(sorted(n for n, c in lines[f].items() if not c)):
                text.write(f"{f}:{first}: not reached\n")
                text.writelines(f"    {source[n - 1]}\n" for n in range(first, last + 1))
            for n in sorted({n for (n, _), c in branches[f].items() if not c and lines[f][n]}):
                text.write(f"{f}:{n}: one way only\n    {source[n - 1]}\n")
    print(f"what no test reaches, line by line: {out}")


if __name__ == "__main__":
    main()

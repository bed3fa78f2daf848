"""Fusing and running the example models: Solder beside onnxscript's ort_fusions and ONNX Runtime, in one run.
Usage: python3 models.py SOLDER MODEL_DIR...    Rivals that are not installed are left out."""
import json
import subprocess
import sys
import time

try:
    import numpy as np
    import onnxruntime as ort
except ImportError:
    ort = None
try:
    import onnx_ir
    import onnxscript.rewriter.ort_fusions as fusions
except ImportError:
    fusions = None

REPEAT = 51


def solder_fuse(solder, model):
    """Median over processes of the time that fusing itself takes, and the nodes before and after."""
    runs = [json.loads(subprocess.run([solder, "fuse", model, "--report=json"], check=True, capture_output=True, text=True).stdout)
            for _ in range(9)]
    return sorted(r["seconds"] for r in runs)[4], runs[0]["nodes"]


def solder_run(solder, folder, *flags):
    out = subprocess.run([solder, "run", f"{folder}/model.onnx", "--input", f"input_ids={folder}/input_ids.i64", "--compare",
                          f"{folder}/logits.f32", "--repeat", str(REPEAT), "--threads", "1",
                          *flags], check=True, capture_output=True, text=True,
                         env={"OPENBLAS_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"}).stdout
    return float(out.split(" launches in ")[1].split(" ms")[0])


def runtime_run(folder):
    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = ort.InferenceSession(f"{folder}/model.onnx", options, providers=["CPUExecutionProvider"])
    ids = np.fromfile(f"{folder}/input_ids.i64", dtype=np.int64).reshape(1, -1)
    times = []
    for _ in range(REPEAT):
        start = time.perf_counter()
        session.run(None, {"input_ids": ids})
        times.append(time.perf_counter() - start)
    return 1e3 * min(times)


def script_fuse(folder):
    model = onnx_ir.load(f"{folder}/model.onnx")
    start = time.perf_counter()
    result = fusions.optimize_for_ort(model)
    seconds = time.perf_counter() - start
    model = result[0] if isinstance(result, tuple) else model
    return seconds, len(list(model.graph))


def main():
    solder, folders = sys.argv[1], sys.argv[2:]
    print("| model | nodes | Solder | onnxscript | fuse, ms | onnxscript, ms | run, ms | fused, ms | ONNX Runtime, ms |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for folder in folders:
        seconds, nodes = solder_fuse(solder, f"{folder}/model.onnx")
        rival = script_fuse(folder) if fusions else None
        print(f"| {folder.split('/')[-1]} | {nodes[0]} | {nodes[1]} | {rival[1] if rival else '-'} | {1e3 * seconds:.3f} | "
              f"{f'{1e3 * rival[0]:.0f}' if rival else '-'} | {solder_run(solder, folder):.3f} | "
              f"{solder_run(solder, folder, '--fused'):.3f} | {f'{runtime_run(folder):.3f}' if ort else '-'} |", flush=True)


main()

"""Norms of heads and rotation by ONNX Runtime, f32, on one thread: the widths of the rows of layers.c that say f32."""
import sys
import time

try:
    import numpy as np
    import onnx
    import onnxruntime as ort
    from onnx import TensorProto, helper
except ImportError as e:
    sys.exit(print(f"ONNX Runtime is left out: {e}"))

HEADS, KV, DIM, TABLE = 32, 4, 128, 512


def model(tokens):
    """[queries | keys | values] split, normed by head, turned: the fused ops that ONNX Runtime has for these."""
    f32 = lambda name, *dims: helper.make_tensor_value_info(name, TensorProto.FLOAT, dims)
    sizes = helper.make_tensor("sizes", TensorProto.INT64, [3], [HEADS * DIM, KV * DIM, KV * DIM])
    nodes, consts = [helper.make_node("Split", ["x", "sizes"], ["q", "k", "v"], axis=-1)], [sizes]
    for name, heads in (("q", HEADS), ("k", KV)):
        for shape, dims in (("by_head", [1, tokens, heads, DIM]), ("flat", [1, tokens, heads * DIM])):
            consts.append(helper.make_tensor(f"{name}_{shape}", TensorProto.INT64, [len(dims)], dims))
        nodes += [helper.make_node("Reshape", [name, f"{name}_by_head"], [f"{name}1"]),
                  helper.make_node("SimplifiedLayerNormalization", [f"{name}1", f"w{name}"], [f"{name}2"], axis=-1, epsilon=1e-6),
                  helper.make_node("Reshape", [f"{name}2", f"{name}_flat"], [f"{name}3"]),
                  helper.make_node("RotaryEmbedding", [f"{name}3", "p", "c", "s"], [f"{name}4"], domain="com.microsoft",
                                   num_heads=heads)]
    inputs = [f32("x", 1, tokens, (HEADS + 2 * KV) * DIM), f32("wq", DIM), f32("wk", DIM), f32("c", TABLE, DIM // 2),
              f32("s", TABLE, DIM // 2), helper.make_tensor_value_info("p", TensorProto.INT64, [1, tokens])]
    outputs = [f32("q4", 1, tokens, HEADS * DIM), f32("k4", 1, tokens, KV * DIM), f32("v", 1, tokens, KV * DIM)]
    graph = helper.make_graph(nodes, "layer", inputs, outputs, consts)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)],
                             ir_version=10)


def best(tokens):
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model(tokens).SerializeToString(), options, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(7)
    feed = {i.name: random.uniform(-1, 1, i.shape).astype(np.float32) for i in session.get_inputs() if i.name != "p"}
    feed["p"] = random.integers(0, TABLE, (1, tokens))
    binding = session.io_binding()
    for name, value in feed.items():
        binding.bind_ortvalue_input(name, ort.OrtValue.ortvalue_from_numpy(value))
    for output in session.get_outputs():
        binding.bind_output(output.name)
    least = 1e9
    for _ in range(15):
        repeat = 1 + 512 // tokens
        start = time.thread_time()
        for _ in range(repeat):
            session.run_with_iobinding(binding)
        least = min(least, (time.thread_time() - start) / repeat)
    return least


for tokens in (1, 16, 256):
    print(f"ONNX Runtime {ort.__version__}, Qwen3-30B-A3B, f32: norms, rotation, {tokens} tokens: {1e6 * best(tokens):.1f} us")

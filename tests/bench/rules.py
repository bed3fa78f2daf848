"""Time and memory of `solderc --check` over generated rules: rules.py SOLDERC N...

Each rule matches a random tree of two to six shared ops, with annotated dims, captured and literal attributes and
a condition, and replaces it by a fused op of its own that has kernels; one in four reaches its norm through a
pattern with alternatives, one in four yields an inner value too."""
import os
import random
import sys
import tempfile
import time

UNARY = ["neg", "exp", "tanh", "silu", "gelu", "sqrt", "abs", "relu"]
BINARY = ["add", "mul", "sub", "div", "minimum", "maximum"]

HEAD = """dtype T = any
dtype F = {f16, bf16, f32}
dtype G = {f16, bf16, f32}
phase fuse
option fuse_all : bool = on at O1
option most : int = 256
""" + "".join(f"op {u}(x: T[*A]) -> T[*A]\n" for u in UNARY) \
    + "".join(f"op {b}(a: T[*A], b: T[*A]) -> T[*A]{'  commutative' if b in ('add', 'mul') else ''}\n" for b in BINARY) + """
op scale(x: F[*A]; by: int) -> F[*A]
op norm(x: F[*A, H], w: G[H]; eps: float) -> F[*A, H]
op soft_norm(x: F[*A, H], w: G[H]; eps: float) -> F[*A, H]
pattern any_norm(x: F[*A, H], w: G[H]; eps) = norm(x, w; eps) | soft_norm(x, w; eps)
"""


def tree(rng, depth):
    if depth == 0:
        return f"scale(x: F[*A, H]; by = {rng.choice(['BY', 'BY', '_'])})" if rng.random() < 0.5 else "x: F[*A, H]"
    if rng.random() < 0.6:
        return f"{rng.choice(UNARY)}({tree(rng, depth - 1)})"
    return f"{rng.choice(BINARY)}({tree(rng, depth - 1)}, {rng.choice(['x', 'r: F[*A, H]', '2.0'])})"


def rule(rng, i):
    norm = "any_norm" if i % 4 == 0 else "norm"
    keep = i % 4 == 1
    left = f"s = scale({tree(rng, rng.randint(0, 4)).replace('BY', str(i))}; by = {i})\n            " \
           f"y = {rng.choice(UNARY)}({norm}(s, w; eps))"
    results = "y, s" if keep else "y"
    result = "(y: F[*A, H], s: F[*A, H])" if keep else "F[*A, H]"
    return f"""
op fused_{i}(x: F[*A, H], w: G[H]; eps: float) -> {result}  where H % 8 == 0
kernel fused_{i} {{ cpu when H <= {64 * (1 + i % 128)} and dtype(x) == bf16 supports H <= 16384; ref }}
rule fused_{i} in fuse enabled fuse_all {{
  match   {{ {left}
            yield {results} }}
  where   H % {8 * (1 + i % 16)} == 0
  gate    tokens <= most
  replace {{ {results} = fused_{i}(x, w; eps) }}
}}
"""


def measure(solderc, n):
    rng = random.Random(n)
    with tempfile.NamedTemporaryFile("w", suffix=".pat") as f:
        f.write(HEAD + "".join(rule(rng, i) for i in range(n)))
        f.flush()
        lines = sum(1 for _ in open(f.name))
        best, cpu, memory = 1e9, 1e9, 0
        for _ in range(3):
            start = time.perf_counter()
            _, status, used = os.wait4(os.spawnlp(os.P_NOWAIT, solderc, solderc, "--check", f.name), 0)
            assert status == 0
            best = min(best, time.perf_counter() - start)
            cpu = min(cpu, used.ru_utime + used.ru_stime)
            memory = used.ru_maxrss / 1024
    print(f"{n:6} rules {lines:7} lines {best:7.3f} s, of processor {cpu:7.3f} s {cpu / n * 1e6:6.1f} us a rule "
          f"{memory:6.0f} MiB")


for number in sys.argv[2:]:
    measure(sys.argv[1], int(number))

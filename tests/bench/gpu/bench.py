"""Fused GPU kernels beside their unfused chains, PyTorch eager and torch.compile, inside captured graphs.

Usage: bench.py LIBRARY [--ours] [ROW...]; tests/bench/gpu/run.sh builds the library first. --ours leaves the rivals out. Inputs rotate over more memory than
the cache holds. Prints one line a row: medians in microseconds, the share of the copy bandwidth measured in this run
that the least bytes take, and what differs from a float64 oracle."""
import ctypes
import statistics
import sys

import torch

LIB = ctypes.CDLL(sys.argv[1])
WANTED = [a for a in sys.argv[2:] if a != "--ours"]
OURS = "--ours" in sys.argv
P, F, I, L = ctypes.c_void_p, ctypes.c_float, ctypes.c_int32, ctypes.c_int64
BF, F8 = torch.bfloat16, torch.float8_e4m3fn
torch.manual_seed(0)


def record(name, pointers, *fields):
    names = [(p, P) for p in pointers.split()] + [(f, t) for f, t in fields]
    return type(name, (ctypes.Structure,), {"_fields_": names})


def ints(names):
    return [(n, I) for n in names.split()]


RANGE = (("floor", F), ("limit", F), ("inverse", F))
Norm = record("Norm", "x res w scale sum y norm scales", *RANGE, ("eps", F), ("offset", F),
              *ints("rows width dtype fp8 quant twice"))
Gated = record("Gated", "x z w y norm scales", *RANGE, ("eps", F), *ints("heads dtype fp8 quant"))
Act = record("Act", "x y product scales", *RANGE, *ints("rows width dtype fp8 quant"))
Cast = record("Cast", "x y scales", *RANGE, ("n", L), *ints("dtype fp8 group"))
Sum = record("Sum", "a b y", ("n", L), *ints("dtype"))
PAGED = [(n, P) for n in "k_cache v_cache slots k_scale v_scale".split()] + [("strides", L * 6)] + [
    (n, L) for n in "blocks block_size n_slots".split()] + [("k_fixed", F), ("v_fixed", F)] + ints("shuffled cache_fp8 shift padding")
Qkv = record("Qkv", "qkv wq wk positions table q k v", *PAGED, ("eps", F), ("eps_k", F), ("offset", F),
             *ints("tokens n_q n_kv dim rotated length neox dtype"))
Cache = record("Cache", "k v", *PAGED, ("v_stride", L), *ints("tokens heads dim dtype"))
Mla = record("Mla", "q w_uk kv_c k_pe positions slots table q_scale cache_scale out pe cache",
             *((n, L) for n in "block_stride row_stride blocks block_size n_slots".split()), ("q_fixed", F), ("cache_fixed", F),
             *ints("tokens heads length neox dtype q_fp8 cache_fp8 shift"))
Move = record("Move", "source to", *((n, L * 8) for n in "dims from_strides to_strides".split()), *ints("rank unit"))
Latent = record("Latent", "q values cache out tables sequence length q_scale cache_scale work",
                *((n, L) for n in "work_bytes block_stride row_stride blocks block_size".split()), ("q_fixed", F),
                ("cache_fixed", F), ("softmax_scale", F),
                *ints("tokens n_tokens heads value sequences table_width dtype q_fp8 cache_fp8 shift partitions"))
Attention = record("Attention", "q out", *PAGED, *((n, P) for n in "tables lens k_scales v_scales sinks work".split()),
                   ("work_bytes", L), ("scale", F), ("soft_cap", F),
                   *ints("rows sequences heads n_kv dim table_width window dtype partitions"))
FUNCTIONS = {Norm: "gpu_rms_norm", Gated: "gpu_gated_norm", Act: "gpu_silu_mul", Cast: "gpu_quantise", Sum: "gpu_add",
             Qkv: "gpu_qk_norm_rope_cache", Cache: "gpu_cache_write", Mla: "gpu_mla_decode",
             Move: "gpu_move_strided",
             Attention: "gpu_decode_attention", Latent: "gpu_latent_attention"}
for f in FUNCTIONS.values():
    getattr(LIB, f).restype = ctypes.c_char_p


def launch(kind, **fields):
    a = kind(**{k: v.data_ptr() if torch.is_tensor(v) else v for k, v in fields.items()})
    if hasattr(a, "limit"):
        a.floor, a.limit = 1e-10, 448.0
    error = getattr(LIB, FUNCTIONS[kind])(ctypes.byref(a), P(torch.cuda.current_stream().cuda_stream))
    if error:
        raise RuntimeError(f"{FUNCTIONS[kind]}: {error.decode()}")


def dense_cache(k, v, slots, heads, dim):
    """Blocks of 16, token by token."""
    block = 16 * heads * dim
    return dict(k_cache=k, v_cache=v, slots=slots, strides=(L * 6)(*[block, heads * dim, dim] * 2), blocks=k.numel() // block,
                block_size=16, n_slots=len(slots))


def launch_copy(a, b):
    LIB.bench_copy(P(a.data_ptr()), P(b.data_ptr()), L(a.numel()), P(torch.cuda.current_stream().cuda_stream))


# ------------------------------------------------------------------ rivals --

def rms(x, w, eps=1e-6):
    v = x.float()
    return (v * torch.rsqrt(v.pow(2).mean(-1, keepdim=True) + eps)).to(x.dtype) * w


def q_static(x, s):
    return (x.float() * (1.0 / s)).clamp(-448, 448).to(F8)


def q_group(x, g=128):
    v = x.float().unflatten(-1, (-1, g))
    s = v.abs().amax(-1, keepdim=True).clamp(min=1e-10) / 448.
    return (v / s).clamp(-448, 448).to(F8).flatten(-2), s.squeeze(-1)


def add_rms_quant(x, r, w, s):
    r = x + r
    return q_static(rms(r, w), s), r


def silu_mul_quant(x):
    g, u = x.chunk(2, -1)
    return q_group(torch.nn.functional.silu(g) * u)


def gated_quant(x, z, w):
    v = x.float()
    n = v * torch.rsqrt(v.pow(2).mean(-1, keepdim=True) + 1e-6) * w.float()
    return q_group((n * torch.nn.functional.silu(z.float())).to(x.dtype))


def neox(t, c, s):
    a, b = t.chunk(2, -1)
    return torch.cat((a * c - b * s, b * c + a * s), -1)


def qk_norm_rope(qkv, wq, wk, pos, table, kc, vc, slot, nq=32, nk=4, d=128):
    q, k, v = qkv.split([nq * d, nk * d, nk * d], -1)
    t = qkv.shape[0]
    q, k = rms(q.view(t, nq, d), wq), rms(k.view(t, nk, d), wk)
    c, s = table.index_select(0, pos).chunk(2, -1)
    q, k = neox(q, c.unsqueeze(1), s.unsqueeze(1)), neox(k, c.unsqueeze(1), s.unsqueeze(1))
    kc.view(-1, nk, d).index_copy_(0, slot, k)
    vc.view(-1, nk, d).index_copy_(0, slot, v.view(t, nk, d))
    return q


def pairs(t, c, s):
    a, b = t[..., 0::2], t[..., 1::2]
    return torch.stack((a * c - b * s, b * c + a * s), -1).flatten(-2)


def mla(q, w, kvc, kpe, pos, table, cache, slot, s):
    qn, qp = q.split([128, 64], -1)
    c, sn = table.index_select(0, pos).chunk(2, -1)
    qp, kp = pairs(qp, c.unsqueeze(1), sn.unsqueeze(1)), pairs(kpe, c, sn)
    ql = torch.bmm(qn.transpose(0, 1), w).transpose(0, 1)
    cache.view(-1, 576).index_copy_(0, slot, q_static(torch.cat((kvc, kp), -1), s).view(torch.uint8))
    return q_static(torch.cat((ql, qp), -1), s)


CONTEXT = 4096  # tokens of each sequence of a decode step
UNITS = torch.cuda.get_device_properties(0).multi_processor_count


def attention(q, kc, vc, tables, lens, *_):
    k, v = (x[tables].view(len(q), CONTEXT, 4, 128).transpose(1, 2) for x in (kc, vc))
    o = torch.nn.functional.scaled_dot_product_attention(q.unsqueeze(2), k, v, enable_gqa=True)
    return o.squeeze(2)


# --------------------------------------------------------------- measuring --

def median(fn, sets, n=40, reps=15):
    for a in sets[:3]:
        fn(*a)
    torch.cuda.synchronize()
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for a in sets[:3]:
            fn(*a)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            kept = [fn(*sets[i % len(sets)]) for i in range(n)]  # results, too, rotate through more than the cache
    times = []
    for _ in range(reps):
        a, b = torch.cuda.Event(True), torch.cuda.Event(True)
        a.record()
        graph.replay()
        b.record()
        b.synchronize()
        times.append(a.elapsed_time(b) * 1e3 / n)
    del kept
    return statistics.median(times[3:])


def empty(*shape, dtype=BF):
    return torch.empty(*shape, dtype=dtype, device="cuda")


def random(*shape, dtype=BF):
    return torch.randn(*shape, device="cuda").to(dtype)


def error(got, want):
    """Norm-relative error."""
    got, want = got.double(), want.double()
    return float((got - want).norm() / want.norm().clamp(min=1e-30))


def steps(got, want):
    """Share of FP8 elements that are not the nearest to the float64 value, and the most steps off."""
    a, b = got.view(torch.uint8).int(), want.clamp(-448, 448).float().to(F8).view(torch.uint8).int()
    order = lambda u: torch.where(u < 128, u, 128 - u)
    d = (order(a) - order(b)).abs()
    return f"{float((d > 0).double().mean()):.1e} of FP8 differ, by {int(d.max())}"


COPY = None


def measure(name, tokens, make, unfused, fused, eager, least, check):
    if WANTED and name not in WANTED:
        return
    sets = [make() for _ in range(max(2, min(64, int(3e8 / max(least, 1)))))]
    verdict = check(sets[0])
    ours = [fused_outputs(name, s) for s in sets]
    us = [median(unfused, ours) if unfused else float("nan"), median(fused, ours), float("nan"), float("nan")]
    if not OURS:
        torch._dynamo.reset()
        us[2:] = median(eager, sets), median(torch.compile(eager, dynamic=False), sets)
    print(f"{name:16s} {tokens:5d}  unfused {us[0]:8.2f}  fused {us[1]:8.2f}  eager {us[2]:8.2f}  inductor {us[3]:8.2f}"
          f"  {least / 1e6:8.3f} MB  {least / us[1] / 1e6 / COPY * 100:5.1f} % of copy   {verdict}", flush=True)


def fused_outputs(name, s):
    return s if name not in OUTPUTS else s + OUTPUTS[name](s)


OUTPUTS = {
    "add_rms_quant": lambda s: (empty(*s[0].shape, dtype=F8), empty(*s[0].shape), empty(*s[0].shape)),
    "silu_mul_quant": lambda s: (empty(len(s[0]), 6144, dtype=F8), empty(len(s[0]), 48, dtype=torch.float32),
                                 empty(len(s[0]), 6144)),
    "gated_quant": lambda s: (empty(*s[0].shape, dtype=F8), empty(len(s[0]), dtype=torch.float32), empty(*s[0].shape)),
    "qk_norm_rope": lambda s: (empty(len(s[0]), 32, 128), empty(len(s[0]), 4, 128), empty(len(s[0]), 32, 128),
                               empty(len(s[0]), 4, 128)),
    "mla": lambda s: (empty(len(s[0]), 16, 576, dtype=F8), empty(*s[0].shape), empty(len(s[0]), 64),
                      empty(16, len(s[0]), 512), empty(len(s[0]), 16, 576)),
    "attention": lambda s: (empty(*s[0].shape), empty(16 * UNITS * 8 * 130, dtype=torch.uint8)),
    "attention_shuffle": lambda s: OUTPUTS["attention"](s),
}


def add_rms_fused(x, r, w, s, y, z, t):
    launch(Norm, x=x, res=r, w=w, scale=s, sum=z, y=y, eps=1e-6, rows=len(x), width=x.shape[1], quant=1, twice=1)


def add_rms_unfused(x, r, w, s, y, z, t):
    launch(Sum, a=x, b=r, y=z, n=x.numel())
    launch(Norm, x=z, w=w, y=t, eps=1e-6, rows=len(x), width=x.shape[1], twice=1)
    launch(Cast, x=t, y=y, scales=s, n=x.numel())


def silu_fused(x, y, s, t):
    launch(Act, x=x, y=y, scales=s, rows=len(x), width=6144, quant=3)


def silu_unfused(x, y, s, t):
    launch(Act, x=x, y=t, rows=len(x), width=6144)
    launch(Cast, x=t, y=y, scales=s, n=t.numel(), group=128)


def gated_fused(x, z, w, y, s, t):
    launch(Gated, x=x, z=z, w=w, y=y, scales=s, eps=1e-6, heads=len(x), quant=1)


def gated_unfused(x, z, w, y, s, t):
    launch(Gated, x=x, z=z, w=w, y=t, eps=1e-6, heads=len(x))
    launch(Cast, x=t, y=y, scales=s, n=t.numel(), group=128)


def qk_fused(qkv, wq, wk, pos, table, kc, vc, slot, q, k, q2, k2):
    launch(Qkv, qkv=qkv, wq=wq, wk=wk, positions=pos, table=table, q=q, eps=1e-6, eps_k=1e-6, tokens=len(qkv), n_q=32,
           n_kv=4, dim=128, rotated=128, length=len(table), neox=1, **dense_cache(kc, vc, slot, 4, 128))


def qk_unfused(qkv, wq, wk, pos, table, kc, vc, slot, q, k, q2, k2):
    t = len(qkv)
    head = dict(tokens=t, dim=128, rotated=128, length=len(table), neox=1)
    launch(Qkv, qkv=qkv, wq=wq, wk=wk, q=q, k=k, eps=1e-6, eps_k=1e-6, n_q=32, n_kv=4, **head)
    launch(Qkv, qkv=q, positions=pos, table=table, q=q2, n_q=32, **head)
    launch(Qkv, qkv=k, positions=pos, table=table, q=k2, n_q=4, **head)
    launch(Cache, k=k2, v=qkv.data_ptr() + 36 * 128 * 2, v_stride=40 * 128, tokens=t, heads=4, dim=128,
           **dense_cache(kc, vc, slot, 4, 128))


def mla_of(t, blocks, **fields):
    launch(Mla, block_stride=16 * 576, row_stride=576, blocks=blocks, block_size=16, n_slots=t, tokens=t, heads=16, **fields)


def mla_fused(q, w, kvc, kpe, pos, table, cache, slot, s, out, *_):
    mla_of(len(q), len(cache), q=q, w_uk=w, kv_c=kvc, k_pe=kpe, positions=pos, slots=slot, table=table, q_scale=s, cache_scale=s,
           out=out, cache=cache, length=len(table), q_fp8=1, cache_fp8=1)


def mla_unfused(q, w, kvc, kpe, pos, table, cache, slot, s, out, turned, pe, product, both):
    """Rotation, the product by cuBLAS, concatenation, FP8, cache."""
    t = len(q)
    mla_of(t, len(cache), q=q, k_pe=kpe, kv_c=kvc, positions=pos, table=table, length=len(table), out=turned, pe=pe)
    torch.bmm(turned[..., :128].transpose(0, 1), w, out=product)
    dims = lambda *n: (L * 8)(*n)
    launch(Move, source=product, to=both, dims=dims(t, 16, 512), from_strides=dims(512, t * 512, 1), to_strides=dims(16 * 576, 576, 1),
           rank=3, unit=2)
    launch(Move, source=turned.data_ptr() + 256, to=both.data_ptr() + 1024, dims=dims(t, 16, 64), from_strides=dims(16 * 192, 192, 1),
           to_strides=dims(16 * 576, 576, 1), rank=3, unit=2)
    launch(Cast, x=both, y=out, scales=s, n=both.numel())
    mla_of(t, len(cache), k_pe=pe, kv_c=kvc, slots=slot, cache=cache, cache_scale=s, cache_fp8=1)


def attention_of(q, k, v, tables, lens, out, work, shuffled):
    block = 16 * 4 * 128
    launch(Attention, q=q, out=out, k_cache=k, v_cache=v, strides=(L * 6)(*[block, 512, 128] * 2), blocks=k.numel() // block,
           block_size=16, k_fixed=1, v_fixed=1, shuffled=shuffled, tables=tables, lens=lens, work=work,
           work_bytes=work.numel(), scale=128 ** -0.5, rows=len(q), sequences=len(q), heads=32, n_kv=4, dim=128,
           table_width=tables.shape[1])


def attention_fused(q, kc, vc, tables, lens, ks, vs, out, work):
    attention_of(q, kc, vc, tables, lens, out, work, 0)


def attention_shuffled(q, kc, vc, tables, lens, ks, vs, out, work):
    attention_of(q, ks, vs, tables, lens, out, work, 1)


def make_attention(t):
    blocks = t * CONTEXT // 16
    k, v = random(blocks, 16, 4, 128), random(blocks, 16, 4, 128)
    tables = torch.randperm(blocks, device="cuda", dtype=torch.int32).view(t, -1)
    return (random(t, 32, 128), k, v, tables, torch.full((t,), CONTEXT, dtype=torch.int32, device="cuda"),
            k.view(blocks, 16, 4, 16, 8).permute(0, 2, 3, 1, 4).contiguous(),
            v.view(blocks, 2, 8, 4, 128).permute(0, 3, 1, 4, 2).contiguous())


# ------------------------------------------------------------------ checks --

def rms64(x, w, eps=1e-6):
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * w.double()


def group64(v, g=128):
    v = v.unflatten(-1, (-1, g))
    s = v.abs().amax(-1, keepdim=True).clamp(min=1e-10) / 448
    return (v / s).flatten(-2), s.squeeze(-1)


def check_add_rms(a):
    o = fused_outputs("add_rms_quant", a)
    add_rms_fused(*o)
    z = (a[0].double() + a[1].double())
    exact = torch.equal(o[5], z.to(BF))
    y = rms64(o[5].double(), a[2]) / a[3].double()
    return f"rel {error(o[4], y.clamp(-448, 448)):.1e}, sum {'exact' if exact else 'WRONG'}; {steps(o[4], add_rms_quant(*a)[0].double())} from eager"


def check_silu(a):
    o = fused_outputs("silu_mul_quant", a)
    silu_fused(*o)
    g, u = a[0].double().chunk(2, -1)
    v = torch.nn.functional.silu(g) * u
    got = (o[1].double().unflatten(-1, (-1, 128)) * o[2].double().unsqueeze(-1)).flatten(-2)
    return f"rel {error(got, v):.1e} (FP8 itself {error(dequantised(v), v):.1e}); {steps(o[1], silu_mul_quant(*a)[0].double())} from eager"


def dequantised(v):
    q, s = group64(v)
    return (q.clamp(-448, 448).float().to(F8).double().unflatten(-1, (-1, 128)) * s.unsqueeze(-1)).flatten(-2)


def check_gated(a):
    o = fused_outputs("gated_quant", a)
    gated_fused(*o)
    v = rms64(a[0].double(), a[2]) * torch.nn.functional.silu(a[1].double())
    got = o[3].double() * o[4].double().unsqueeze(-1)
    return f"rel {error(got, v):.1e} (FP8 itself {error(dequantised(v), v):.1e}); {steps(o[3], gated_quant(*a)[0].double())} from eager"


def check_qk(a):
    o = fused_outputs("qk_norm_rope", a)
    qk_fused(*o)
    t = len(a[0])
    q, k, v = a[0].double().split([4096, 512, 512], -1)
    c, s = (x.unsqueeze(1) for x in a[4].double().index_select(0, a[3]).chunk(2, -1))
    q = neox(rms64(q.view(t, 32, 128), a[1]), c, s)
    k = neox(rms64(k.view(t, 4, 128), a[2]), c, s)
    same = torch.equal(a[6].view(-1, 512)[a[7]], a[0][:, 4608:])
    kc = a[5].view(-1, 4, 128)[a[7]]
    return f"rel q {error(o[8], q):.1e} k {error(kc, k):.1e}, v {'exact' if same else 'WRONG'}"


def check_mla(a):
    o = fused_outputs("mla", a)
    mla_fused(*o)
    q, w, kvc, kpe, pos, table, cache, slot, s = (x.double() if x.is_floating_point() else x for x in a)
    c, sn = table.index_select(0, pos).chunk(2, -1)
    ql = torch.bmm(q[..., :128].transpose(0, 1), w).transpose(0, 1)
    want = torch.cat((ql, pairs(q[..., 128:], c.unsqueeze(1), sn.unsqueeze(1))), -1) / s
    row = torch.cat((kvc, pairs(kpe, c, sn)), -1) / s
    got, fused = a[6].view(-1, 576)[a[7]].view(F8), o[9].clone()
    mla_unfused(*o)
    return (f"rel {error(fused, want.clamp(-448, 448)):.1e}; {steps(fused, want)}; cache {steps(got, row)}; "
            f"{steps(fused, o[9].double())} from unfused")


def check_attention(fused, name):
    def check(a):
        o = fused_outputs(name, a)
        fused(*o)
        want = attention(*(x[:4].double() if i == 0 else x.double() if i < 3 else x[:4] for i, x in enumerate(a[:5])))
        return f"rel {error(o[7][:4], want):.1e}"
    return check


def main():
    global COPY
    x, y = empty(1 << 30, dtype=torch.uint8), empty(1 << 30, dtype=torch.uint8)
    t = median(lambda a, b: launch_copy(a, b), [(x, y)], n=5)
    COPY = 2 * (1 << 30) / t / 1e6
    del x, y
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}; copy {COPY:.2f} TB/s read and written; microseconds")
    scale = torch.tensor(0.05, device="cuda")
    table, table64 = random(40960, 128), random(40960, 64)
    for t in (1, 16, 128, 1024, 8192):
        h = 4096
        measure("add_rms_quant", t, lambda: (random(t, h), random(t, h), random(h), scale), add_rms_unfused,
                add_rms_fused, add_rms_quant, t * h * 7, check_add_rms)
        measure("silu_mul_quant", t, lambda: (random(t, 2 * 6144),), silu_unfused, silu_fused, silu_mul_quant,
                t * 6144 * 5 + t * 48 * 4, check_silu)
        measure("gated_quant", t, lambda: (random(t * 32, 128), random(t * 32, 128), random(128)), gated_unfused,
                gated_fused, gated_quant, t * 4096 * 5 + t * 32 * 4, check_gated)
        blocks = max(8192, t) // 16
        measure("qk_norm_rope", t, lambda: (
            random(t, 40 * 128), random(128), random(128), torch.randint(0, 40960, (t,), device="cuda"), table,
            torch.zeros(blocks, 16, 4, 128, device="cuda", dtype=BF), torch.zeros(blocks, 16, 4, 128, device="cuda", dtype=BF),
            torch.randperm(blocks * 16, device="cuda")[:t]), qk_unfused, qk_fused, qk_norm_rope,
            t * 40 * 128 * 4 + t * 256, check_qk)
        if t <= 128:
            for name, fused in (("attention", attention_fused), ("attention_shuffle", attention_shuffled)):
                measure(name, t, lambda: make_attention(t), None, fused, attention,
                        t * (CONTEXT * 4 * 128 * 2 * 2 + 2 * 32 * 128 * 2), check_attention(fused, name))
        if t <= 1024:
            measure("mla", t, lambda: (
                random(t, 16, 192), random(16, 128, 512), random(t, 512), random(t, 64),
                torch.randint(0, 40960, (t,), device="cuda"), table64,
                torch.zeros(blocks, 16, 576, device="cuda", dtype=torch.uint8),
                torch.randperm(blocks * 16, device="cuda")[:t], scale), mla_unfused, mla_fused, mla,
                16 * 128 * 512 * 2 + t * (16 * 192 * 2 + 576 * 3 + 16 * 576), check_mla)


main()

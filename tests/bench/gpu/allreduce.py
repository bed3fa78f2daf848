"""Sum over GPUs, residual added, RMSNorm: our kernels beside NCCL and PyTorch's symmetric memory, each followed by our
norm, in captured graphs. One process a GPU; tests/bench/gpu/allreduce.sh builds the library first.

Usage: allreduce.py LIBRARY [GPUS...]. Each replay starts behind a sum over all GPUs, so that they begin together. Prints
medians in microseconds of the slowest rank, and what differs from float64 and between ranks."""
import ctypes
import os
import statistics
import sys

import torch
import torch.distributed as dist
import torch.distributed._symmetric_memory as symmetric
import torch.multiprocessing as mp

BF, F8 = torch.bfloat16, torch.float8_e4m3fn
P, F, I, U, L = ctypes.c_void_p, ctypes.c_float, ctypes.c_int32, ctypes.c_uint32, ctypes.c_int64
EPS, LAUNCHES, REPLAYS = 1e-6, 50, 15
TOKENS, WIDTHS = (1, 4, 8, 16, 32, 64, 128, 256, 512, 2048), (7168, 4096)
QUANT = {"none": 0, "static": 1, "token": 2, "group": 3}


def record(name, *fields):
    return type(name, (ctypes.Structure,), {"_fields_": [(n, t) for t, names in fields for n in names.split()]})


Ranks = record("Ranks", (P * 8, "windows"), (P, "state"), (L, "bytes"), (I, "rank world"), (U, "patience"))
Reduce = record("Reduce", (P, "x res w scale sum y norm scales"), (F, "floor limit inverse eps offset"),
                (I, "rows width dtype fp8 quant two_stage unrounded columns"))
Norm = record("Norm", (P, "x res w scale sum y norm scales"), (F, "floor limit inverse eps offset"),
              (I, "rows width dtype fp8 quant twice"))


def pointers(fields):
    return {k: v.data_ptr() if torch.is_tensor(v) else v for k, v in fields.items()}


class Library:
    def __init__(self, path, rank, world, group):
        self.lib = ctypes.CDLL(path)
        for f in ("gpu_all_reduce", "gpu_rms_norm"):
            getattr(self.lib, f).restype = ctypes.c_char_p
        self.lib.gpu_reduce_window.restype = L
        largest = Reduce(rows=TOKENS[-1], width=WIDTHS[0])
        size = max(self.lib.gpu_reduce_window(ctypes.byref(largest), world), 1 << 20)
        self.window = symmetric.empty(size, device="cuda", dtype=torch.uint8)
        self.state = torch.zeros(4, device="cuda", dtype=torch.int32)
        handle = symmetric.rendezvous(self.window, group)
        self.ranks = Ranks(state=self.state.data_ptr(), bytes=size, rank=rank, world=world)
        for r, p in enumerate(handle.buffer_ptrs):
            self.ranks.windows[r] = p
        self.rest()

    def rest(self):
        """Windows and state as they are at first."""
        torch.cuda.synchronize()
        dist.barrier()
        self.window.fill_(255)
        self.state.zero_()
        torch.cuda.synchronize()
        dist.barrier()

    def call(self, name, *args):
        error = getattr(self.lib, name)(*map(ctypes.byref, args), P(torch.cuda.current_stream().cuda_stream))
        if error:
            raise RuntimeError(f"{name}: {error.decode()}")

    def reduce(self, x, y, **fields):
        a = Reduce(**pointers(dict(x=x, y=y, rows=x.shape[0], width=x.shape[1], floor=1e-10, limit=448.0, eps=EPS,
                                 **fields)))
        self.call("gpu_all_reduce", self.ranks, a)

    def norm(self, x, res, w, sum, y):
        self.call("gpu_rms_norm", Norm(**pointers(dict(x=x, res=res, w=w, sum=sum, y=y, eps=EPS, rows=x.shape[0],
                                                       width=x.shape[1]))))


def captured(fn):
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(3):
            fn()
        torch.cuda.synchronize()
        dist.barrier()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            for _ in range(LAUNCHES):
                fn()
    torch.cuda.synchronize()
    return graph


def median(graph, together):
    times = []
    for _ in range(REPLAYS):
        torch.cuda.synchronize()
        dist.barrier()
        a, b = torch.cuda.Event(True), torch.cuda.Event(True)
        torch.cuda._sleep(400000)  # until all that follows is enqueued
        dist.all_reduce(together)
        a.record()
        graph.replay()
        b.record()
        b.synchronize()
        times.append(a.elapsed_time(b) * 1e3 / LAUNCHES)
    t = torch.tensor(statistics.median(times[3:]), device="cuda")
    dist.all_reduce(t, dist.ReduceOp.MAX)
    return float(t)


def gathered(t, world):
    parts = [torch.empty_like(t) for _ in range(world)]
    dist.all_gather(parts, t)
    return parts


def oracle(x, res, w, world):
    """The sum as it must be, bit by bit, and the norm in float64."""
    acc = torch.zeros_like(x, dtype=torch.float32)
    for part in gathered(x, world):
        acc += part.float()
    z = acc.to(BF).float() + res.float()
    v = z.double()
    return z.to(BF), v * torch.rsqrt(v.pow(2).mean(-1, keepdim=True) + EPS) * w.double()


def error(got, want):
    return float((got.double() - want).norm() / want.norm())


def check(world, sum, y, want):
    same = all(torch.equal(a.view(torch.int16), b.view(torch.int16)) for t in (sum, y) for a in gathered(t, world)
               for b in [gathered(t, world)[0]])
    return f"{'' if torch.equal(sum, want[0]) else 'SUM WRONG '}{'' if same else 'RANKS DIFFER '}{error(y, want[1]):.1e}"


def quantised(lib, x, res, w, world, two_stage):
    """What the FP8 forms give, as the norm-relative error of q * scale."""
    t, h = x.shape
    want, told = oracle(x, res, w, world)[1], []
    for quant, scales in (("static", torch.full((1,), 0.02, device="cuda")), ("token", torch.empty(t, 1, device="cuda")),
                          ("group", torch.empty(t, h // 128, device="cuda"))):
        q, sum = torch.empty(t, h, device="cuda", dtype=F8), torch.empty_like(x)
        lib.reduce(x, q, res=res, w=w, sum=sum, scale=scales, scales=scales, quant=QUANT[quant], two_stage=two_stage)
        torch.cuda.synchronize()
        width = h // scales.numel() * t if quant != "static" else h
        got = q.float().unflatten(-1, (-1, width)) * (scales if quant == "static" else scales.unsqueeze(-1))
        told.append(f"{quant} {error(got.flatten(-2), want):.1e}")
    return ", ".join(told)


def case(lib, world, group, t, h, together):
    x, res, w = (torch.randn(*s, device="cuda").to(BF) for s in ((t, h), (t, h), (h,)))
    dist.broadcast(res, 0)
    dist.broadcast(w, 0)
    sum, y, z = (torch.empty(t, h, device="cuda", dtype=BF) for _ in range(3))
    in_place, shared = x.clone(), symmetric.empty((t, h), device="cuda", dtype=BF)
    symmetric.rendezvous(shared, group)
    shared.copy_(x)

    def nccl():
        dist.all_reduce(in_place)
        lib.norm(in_place, res, w, sum, y)

    def one_shot():
        lib.norm(torch.ops.symm_mem.one_shot_all_reduce(shared, "sum", group), res, w, sum, y)

    def two_shot():
        torch.ops.symm_mem.two_shot_all_reduce_(shared, "sum", group)
        lib.norm(shared, res, w, sum, y)

    def chain(two_stage):
        lib.reduce(x, z, two_stage=two_stage)
        lib.norm(z, res, w, sum, y)

    us, told = {}, []
    for name, fn in (("nccl", nccl), ("one_shot", one_shot), ("two_shot", two_shot), ("chain1", lambda: chain(0)),
                     ("chain2", lambda: chain(1)), ("norm", lambda: lib.norm(x, res, w, sum, y))):
        us[name] = median(captured(fn), together)
    for two_stage in (0, 1):
        graph = captured(lambda: lib.reduce(x, y, res=res, w=w, sum=sum, two_stage=two_stage))
        us[f"fused{two_stage + 1}"] = median(graph, together)
        x.copy_(torch.randn(t, h, device="cuda"))  # a replay reads new inputs
        sum.zero_(), y.zero_()
        torch.cuda.synchronize()
        dist.barrier()
        graph.replay()
        torch.cuda.synchronize()
        told.append(check(world, sum, y, oracle(x, res, w, world)))
    if t in (1, 32):
        told += [quantised(lib, x, res, w, world, s) for s in (0, 1)]
    return us, told


def missing(lib, rank):
    """Rank 0 alone makes a launch, and must be told."""
    x = torch.ones(4, 1024, device="cuda", dtype=BF)
    if rank == 0:
        lib.ranks.patience = 1 << 16
        lib.reduce(x, torch.empty_like(x))
        torch.cuda.synchronize()
        print(f"a launch of rank 0 alone: {'rank %d is missing' % (lib.state[2] - 1) if lib.state[2] else 'NOT TOLD'}")
    dist.barrier()


def work(rank, world, path):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(29510 + world), RANK=str(rank), WORLD_SIZE=str(world))
    torch.cuda.set_device(rank)
    torch.manual_seed(rank)
    dist.init_process_group("nccl", rank=rank, world_size=world, device_id=torch.device("cuda", rank))
    group = dist.group.WORLD.group_name
    lib, together = Library(path, rank, world, group), torch.zeros(1, device="cuda")
    for h in WIDTHS:
        crossover = None
        for t in TOKENS:
            us, told = case(lib, world, group, t, h, together)
            best, ours = min(us[k] for k in ("nccl", "one_shot", "two_shot")), min(us["fused1"], us["fused2"])
            crossover = (crossover or t) if us["fused2"] < us["fused1"] else None
            if rank == 0:
                print(f"{world} x {h} x {t:4d}  " + "  ".join(f"{k} {v:6.2f}" for k, v in us.items()) +
                      f"  ours/best {ours / best:.2f}  {' | '.join(told)}", flush=True)
        if rank == 0:
            print(f"{world} GPUs, width {h}: " + (f"two stages are faster from {crossover} tokens on" if crossover else
                                                 "one stage is faster at the most tokens"), flush=True)
    if int(lib.state[2]):
        print(f"rank {rank}: rank {int(lib.state[2]) - 1} was found missing", flush=True)
    missing(lib, rank)
    dist.destroy_process_group()


if __name__ == "__main__":
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, NCCL {'.'.join(map(str, torch.cuda.nccl.version()))}; "
          "microseconds; agreement: norm-relative error against float64", flush=True)
    for n in [int(a) for a in sys.argv[2:]] or [2, torch.cuda.device_count()]:
        mp.spawn(work, args=(n, sys.argv[1]), nprocs=n)

/* See nccl.h. Functions are declared as the libraries' headers have them, which need not be here; RCCL has NCCL's names. */
#include "nccl.h"
#include "launch.h"
#include "library.h"

typedef int get_id(nccl_id *id), init_rank(void **comm, int world, nccl_id id, int rank), destroy(void *comm);
typedef int all_reduce(const void *x, void *y, size_t n, int type, int op, void *comm, void *stream);

static struct library {
    get_id *id;
    init_rank *join;
    destroy *leave;
    all_reduce *reduce;
} nccl;

static bool load(void)
{
#if defined(SLD_GPU_CUDA)
    static const char *const names[] = {"libnccl.so.2", "libnccl.so", NULL};
#elif defined(SLD_GPU_ROCM)
    static const char *const names[] = {"librccl.so.1", "librccl.so", NULL};
#else
    static const char *const names[] = {NULL};
#endif
    void *from = first_of(names);
    if (!from)
        return false;
    *(void **)&nccl.id = dlsym(from, "ncclGetUniqueId");
    *(void **)&nccl.join = dlsym(from, "ncclCommInitRank");
    *(void **)&nccl.leave = dlsym(from, "ncclCommDestroy");
    *(void **)&nccl.reduce = dlsym(from, "ncclAllReduce");
    return nccl.id && nccl.join && nccl.leave && nccl.reduce;
}

bool nccl_begin(nccl_id *id)
{
    return (nccl.reduce || load()) && !nccl.id(id);
}

void *nccl_join(const nccl_id *id, uint32_t rank, uint32_t world)
{
    void *comm = NULL;
    return nccl.join(&comm, (int)world, *id, (int)rank) ? NULL : comm;
}

void nccl_leave(void *comm)
{
    if (comm)
        nccl.leave(comm);
}

const char *nccl_all_reduce(void *comm, const void *x, void *y, size_t n, int dtype, void *stream)
{
    enum { FLOAT16 = 6, BFLOAT16 = 9, SUM = 0 };
    int type = dtype == GPU_BF16 ? BFLOAT16 : FLOAT16;
    return nccl.reduce(x, y, n, type, SUM, comm, stream) ? "NCCL refused a sum" : NULL;
}

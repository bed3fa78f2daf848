/* The same rules over the graph of tests/embed, as another engine has it: nodes with pointers to what they read and no
 * lists of readers.
 *
 * Usage: pointer LAYERS RUNS IRREGULAR */
#include "decoder.h"

/* The engine's ops are the decoder's. */
#define ENGINE_OPS(each) DECODER_OPS(ENGINE_OP)
#define ENGINE_OP(name, n_out) X(name, name, 0)
#define SLD_PRIMITIVES "pointer_primitives.h"
#include "decoder.c"

typedef struct build { graph g; tensor **args, **results; uint32_t n_results; } build;

static void add(void *to, int op, uint32_t n_in, const uint32_t *in, uint32_t n_out)
{
    build *b = to;
    tensor *src[8];
    for (uint32_t i = 0; i < n_in; i++)
        src[i] = in[i] & D_ARG ? b->args[in[i] & ~D_ARG] : b->results[in[i]];
    node *n = graph_add(&b->g, op, n_in, src, NULL, n_out);
    for (uint32_t i = 0; i < n_out; i++)
        b->results[b->n_results++] = &n->out[i];
}

static decoder_counts new_graph(build *b, uint32_t layers, bool irregular, tensor *returned[2])
{
    static const tensor_type type = {SLD_BF16, 2, {4096, 5120}};
    uint32_t n_args = decoder_n_args(layers), out[2];
    *b = (build){.args = calloc(n_args, sizeof *b->args), .results = calloc(31ull * layers + 8, sizeof *b->results)};
    graph_init(&b->g);
    for (uint32_t i = 0; i < n_args; i++) {
        b->args[i] = graph_tensor(&b->g, &type, NULL);
        b->args[i]->note = print_arg(i);
    }
    decoder_counts c = decoder_build(b, add, layers, irregular, out);
    for (uint32_t i = 0; i < 2; i++) {
        returned[i] = b->results[out[i]];
        returned[i]->uses++;
    }
    free(b->args);
    free(b->results);
    return c;
}

static double bytes_of(const graph *g)
{
    size_t n = g->used;
    for (const chunk *c = g->chunks; c && c->next; c = c->next)
        n += CHUNK;
    return (double)n;
}

static uint64_t print(graph *g, tensor *const *returned)
{
    uint64_t sum = 0, in[8];
    for (node *n = g->ends.next; n != &g->ends; n = n->next) {
        for (uint32_t i = 0; i < n->n_src; i++)
            in[i] = node_src(n, i)->note;
        uint64_t p = print_node(n->op, n->n_src, in);
        for (uint32_t i = 0; i < n->n_out; i++)
            n->out[i].note = print_result(p, i);
        sum += p;
    }
    for (uint32_t k = 0; k < 2; k++)
        in[k] = tensor_now(returned[k])->note;
    return sum + print_node(D_N_OPS, 2, in);
}

int main(int argc, char **argv)
{
    uint32_t layers = argc > 1 ? (uint32_t)atoi(argv[1]) : 94, runs = argc > 2 ? (uint32_t)atoi(argv[2]) : 9, left = 0;
    bool irregular = argc > 3 && atoi(argv[3]);
    double *seconds = calloc(runs, sizeof *seconds), bytes = 0;
    decoder_counts c = {0};
    uint64_t p = 0;
    for (uint32_t r = 0; r < runs; r++) {
        build b;
        tensor *returned[2];
        c = new_graph(&b, layers, irregular, returned);
        bytes = bytes_of(&b.g) / c.ops;
        double start = bench_now();
        graph_fuse(&b.g, sld_matcher_decoder.n_phases, rewrite);
        seconds[r] = bench_now() - start;
        left = b.g.n_nodes;
        p = r ? p : print(&b.g, returned);
        graph_free(&b.g);
    }
    if (left != decoder_left(&c)) {
        fprintf(stderr, "pointer: %u nodes left, %u expected\n", left, decoder_left(&c));
        return 1;
    }
    bench_report("Solder, a graph of pointers", layers, irregular, c.ops, seconds, runs, left, p, bytes);
    free(seconds);
    return 0;
}

/* Ranks that mpirun starts: the same bits on all of them, fused or not, as one process computes them; and when one dies,
 * stops or does something else, an error on all others instead of a wait without end. */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kern.h"

Suite *ranks_suite(void);

static char dir[] = "/tmp/solder-ranks-XXXXXX";

static const char *solder(void)
{
    const char *path = getenv("SOLDER_BIN");
    return path ? path : "build/gcc/bin/solder";
}

/* Runs a shell command in which @D is the folder of the test and @S the tool; what it prints. */
static int shell(const char *command, char *text, size_t n)
{
    char line[3000];
    size_t k = 0, m;
    for (const char *c = command; *c && k < sizeof line - 200; c++) {
        const char *by = c[0] == '@' && c[1] == 'D' ? dir : c[0] == '@' && c[1] == 'S' ? solder() : NULL;
        k += (size_t)snprintf(line + k, sizeof line - k, "%.*s", by ? 150 : 1, by ? by : c);
        c += by != NULL;
    }
    FILE *p = popen(line, "r");
    ck_assert_ptr_nonnull(p);
    for (k = 0; (m = fread(text + k, 1, n - 1 - k, p)) > 0;)
        k += m;
    text[k] = 0;
    int status = pclose(p);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#ifdef SLD_HAVE_MPI

enum { RANKS = 4, WIDTH = 512, ROWS_MAX = 90 };

static char *path(const char *name)
{
    static char text[100];
    snprintf(text, sizeof text, "%s/%s", dir, name);
    return text;
}

static void write_floats(const char *name, uint8_t dtype, size_t n, uint32_t seed)
{
    sld_tensor t = {.dtype = dtype, .data = malloc(n * kern_size(dtype))};
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525 + 1013904223;
        kern_put(&t, i, (seed >> 8) / 8388608.0 - 1);
    }
    FILE *f = fopen(path(name), "wb");
    ck_assert(f && fwrite(t.data, kern_size(dtype), n, f) == n && !fclose(f));
    free(t.data);
}

static size_t read_all(const char *name, void *to, size_t size)
{
    FILE *f = fopen(path(name), "rb");
    ck_assert_msg(f != NULL, "%s was not written", name);
    size_t n = fread(to, 1, size, f);
    fclose(f);
    return n;
}

/* A graph for so many rows: one stage takes few, two stages take many. Every rank contributes its own x. */
static void write_case(const char *dtype, int rows)
{
    char name[20];
    uint8_t d = !strcmp(dtype, "f32") ? SLD_F32 : SLD_BF16;
    FILE *f = fopen(path("g.txt"), "w");
    ck_assert_ptr_nonnull(f);
    fprintf(f, "solder 1\ninput %%x : %s[%d, 512]\ninput %%b : %s[%d, 512]\ninput %%w : %s[512]\n"
               "%%a = all_reduce(%%x; group = \"tp\")\n%%n, %%t = add_rms_norm(%%a, %%b, %%w; eps = 1e-06)\n"
               "output n = %%n\noutput t = %%t\n", dtype, rows, dtype, rows, dtype);
    ck_assert_int_eq(fclose(f), 0);
    for (int r = 0; r < RANKS; r++) {
        snprintf(name, sizeof name, "x%d", r);
        write_floats(name, d, (size_t)rows * WIDTH, 77u * (unsigned)r + 5);
    }
    write_floats("b", d, (size_t)rows * WIDTH, 1234);
    write_floats("w", d, WIDTH, 99);
}

/* mpirun refuses root, and more ranks than cores, unless told; leaks of MPI are not ours. */
#define MPIRUN "OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 " \
               "ASAN_OPTIONS=detect_leaks=0 timeout 50 mpirun "
/* What a rank does that stops. */
#define STOPS "\"$@\" & sleep 2; kill -STOP $!; sleep 9; kill -KILL $!"
#define RUN "@S run @D/g.txt --input x=@D/x%%r --input b=@D/b --input w=@D/w "

START_TEST(same_bits)
{
    static const struct { const char *dtype; int rows, ranks; } cases[] = {
        {"bf16", 5, 2}, {"bf16", 5, 4}, {"bf16", 90, 2}, {"bf16", 90, 4}, {"f32", 7, 4}};
    static const char *const outputs[] = {"n", "t"};
    static unsigned char first[2][ROWS_MAX * WIDTH * 4], other[ROWS_MAX * WIDTH * 4];
    char command[600], text[4000], name[20];
    write_case(cases[_i].dtype, cases[_i].rows);
    size_t bytes = (size_t)cases[_i].rows * WIDTH * (strcmp(cases[_i].dtype, "f32") ? 2 : 4);
    for (int fused = 0; fused < 2; fused++) {
        snprintf(command, sizeof command, MPIRUN "-n %d " RUN "--output n=@D/n%%r --output t=@D/t%%r %s 2>&1", cases[_i].ranks,
                 fused ? "--fused" : "");
        ck_assert_msg(shell(command, text, sizeof text) == 0, "%s", text);
        ck_assert_msg(strstr(text, fused ? "ran 1 launches" : "ran 2 launches") != NULL, "%s", text);
        for (int i = 0; i < 2 * cases[_i].ranks; i++) {
            snprintf(name, sizeof name, "%s%d", outputs[i % 2], i / 2);
            unsigned char *to = i < 2 && !fused ? first[i] : other;
            ck_assert_uint_eq(read_all(name, to, sizeof other), bytes);
            ck_assert_msg(!memcmp(to, first[i % 2], bytes), "%s, %s", name, fused ? "fused" : "not fused");
        }
    }
    ck_assert(memcmp(first[0], first[1], bytes));
}
END_TEST

/* Ranks with an emulated GPU each: the same bits on all of them, and at most a neighbour or two of what CPUs answer. */
START_TEST(on_devices)
{
    static const struct { int rows, ranks; bool fused; } cases[] = {
        {5, 2, false}, {5, 2, true}, {5, 4, false}, {5, 4, true}, {70, 4, true}};
    static unsigned char first[ROWS_MAX * WIDTH * 2], other[ROWS_MAX * WIDTH * 2];
    char command[800], text[4000], name[20];
    size_t n = (size_t)cases[_i].rows * WIDTH;
    write_case("bf16", cases[_i].rows);
    snprintf(command, sizeof command,
             MPIRUN "-n %d " RUN "--output n=@D/c%%r && SOLDER_DEVICE=$SOLDER_EMU " MPIRUN "-n %d " RUN
             "--output n=@D/n%%r --target hip %s 2>&1", cases[_i].ranks, cases[_i].ranks, cases[_i].fused ? "--fused" : "");
    ck_assert_msg(shell(command, text, sizeof text) == 0, "%s", text);
    ck_assert_msg(strstr(text, cases[_i].fused ? "ran 1 launches" : "ran 2 launches") && strstr(text, "captured: a run"), "%s", text);
    ck_assert_uint_eq(read_all("n0", first, sizeof first), 2 * n);
    ck_assert_uint_eq(read_all("c0", other, sizeof other), 2 * n);
    sld_tensor a = {.dtype = SLD_BF16, .data = first}, b = {.dtype = SLD_BF16, .data = other};
    for (size_t i = 0; i < n; i++) {
        double x = kern_get(&a, i), y = kern_get(&b, i);
        ck_assert_msg(fabs(x - y) <= 0x1p-6 * fmax(fabs(y), 0x1p-4), "element %zu: %g, %g", i, x, y);
    }
    for (int r = 1; r < cases[_i].ranks; r++) {
        snprintf(name, sizeof name, "n%d", r);
        ck_assert_uint_eq(read_all(name, other, sizeof other), 2 * n);
        ck_assert_msg(!memcmp(first, other, 2 * n), "rank %d has other bits", r);
    }
}
END_TEST

/* One rank stops in the midst of launches: the kernels of the others end by themselves, and name it. */
START_TEST(missing_on_a_device)
{
    char command[800], text[8000];
    write_case("bf16", 5);
    snprintf(command, sizeof command,
             "cat >@D/one.sh <<'END'\nif [ $OMPI_COMM_WORLD_RANK != 1 ]; then exec \"$@\"; fi\n" STOPS "\nEND\n"
             "SOLDER_DEVICE=$SOLDER_EMU " MPIRUN "-n 2 sh @D/one.sh " RUN "--repeat 100000000 --patience %d %s 2>&1", 3,
             "--target hip --fused");
    ck_assert_int_ne(shell(command, text, sizeof text), 0);
    ck_assert_msg(strstr(text, "emulation: rank 1 of 2: it did not come to a sum") != NULL, "%s", text);
}
END_TEST

/* What rank 1 does instead; what every rank of 4 must tell. The one that dies
 * tells nothing; when it dies at once, the others may not have begun, and only mpirun tells it. */
typedef struct failure { const char *instead, *all; int ranks_that_tell, patience; bool fused; } failure;

static const failure failures[] = {
    {"timeout -s KILL 3 \"$@\"", "", 3, 30, false},
    {"timeout -s KILL 3 \"$@\"", "", 3, 30, true},
    {STOPS, "did not come within 5 s", 3, 5, false},
    {STOPS, "did not come within 5 s", 3, 5, true},
    {"exec \"$@\" --repeat 7", "of 4 runs another graph, or on other sizes", 4, 30, true},
    {"exec \"$@\" --dim Q=3", "rank 1: the model has no symbolic dim 'Q'", 4, 30, false},
    {"kill -KILL $$", "", 0, 30, true},
    {"exit 0", "", 3, 5, true},
};
enum { N_FAILURES = sizeof failures / sizeof *failures };

static const char *describe(int rank, const char *text)
{
    static char prefix[30];
    snprintf(prefix, sizeof prefix, "solder: rank %d: ", rank);
    return strstr(text, prefix);
}

START_TEST(no_endless_wait)
{
    const failure *f = &failures[_i];
    char command[1000], text[8000];
    write_case("bf16", 5);
    snprintf(command, sizeof command,
             "cat >@D/one.sh <<'END'\nif [ $OMPI_COMM_WORLD_RANK != 1 ]; then exec \"$@\"; fi\n%s\nEND\n"
             MPIRUN "-n 4 sh @D/one.sh " RUN "--repeat 100000000 --patience %d %s 2>&1", f->instead, f->patience, f->fused ? "--fused" : "");
    ck_assert_msg(shell(command, text, sizeof text) != 0, "%s", text);
    int told = 0;
    for (int r = 0; r < RANKS; r++)
        told += describe(r, text) != NULL;
    ck_assert_msg(told >= f->ranks_that_tell, "%d ranks tell\n%s", told, text);
    ck_assert_msg(strstr(text, f->all) != NULL, "not '%s'\n%s", f->all, text);
}
END_TEST

START_TEST(other_count)
{
    char text[4000];
    write_case("bf16", 5);
    ck_assert_int_ne(shell(MPIRUN "-n 2 @S run @D/g.txt --world 4 --fused 2>&1", text, sizeof text), 0);
    for (int r = 0; r < 2; r++)
        ck_assert_msg(describe(r, text) && strstr(text, "--world 4, but this is rank"), "%s", text);
    ck_assert_int_eq(shell("@S run @D/g.txt --world 2 --fused 2>&1", text, sizeof text), 1);
    ck_assert_msg(strstr(text, "start it by: mpirun -n 2 solder run") != NULL, "%s", text);
}
END_TEST

#else

START_TEST(left_out)
{
    char text[1000];
    ck_assert_int_eq(shell("OMPI_COMM_WORLD_SIZE=2 OMPI_COMM_WORLD_RANK=1 @S run x 2>&1", text, sizeof text), 1);
    ck_assert_msg(strstr(text, "rank 1: mpirun started this, but this build leaves MPI out") != NULL, "%s", text);
}
END_TEST

#endif

static void make_folder(void)
{
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void remove_folder(void)
{
    char text[100];
    shell("rm -r @D", text, sizeof text);
}

Suite *ranks_suite(void)
{
    Suite *s = suite_create("ranks");
    TCase *t = tcase_create("mpirun");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, make_folder, remove_folder);
#ifdef SLD_HAVE_MPI
    tcase_add_loop_test(t, same_bits, 0, 5);
    if (getenv("SOLDER_EMU")) {
        tcase_add_loop_test(t, on_devices, 0, 5);
        tcase_add_test(t, missing_on_a_device);
    }
    tcase_add_loop_test(t, no_endless_wait, 0, N_FAILURES);
    tcase_add_test(t, other_count);
#else
    tcase_add_test(t, left_out);
#endif
    suite_add_tcase(s, t);
    return s;
}

/* Runs a tool again and again, and refuses it memory.  Linked into solder and solderc: their main() and the allocations
 * of all libraries come through here.
 *
 *     FAULTS=0 FAULTS_DIR=DIR tool ARGUMENT...
 *
 * The first run gets all memory. Then, for every n, one in which the n-th allocation fails, and one in which those after
 * it fail as well; FAULTS=200: for at most 200 n, each kind for half of them.  DIR is where the tool writes.  A run
 * that was refused memory must end as the first one did, or fail with a line about memory; a file in DIR is as it was,
 * or as the first run left it; and no block is kept that the first run gave back.  FAULTS_VARIES=1: times stand in what
 * the tool prints.  FAULTS_LAST=1: never one allocation alone, since jansson drops a character of a token that it has no
 * room for, and goes on. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int __real_main(int argc, char **argv);
int __wrap_main(int argc, char **argv);

/* ------------------------------------------------------------ allocations -- */

#ifdef __SANITIZE_ADDRESS__
#define REAL(f) __interceptor_##f
#else
#define REAL(f) __libc_##f
#endif
void *REAL(malloc)(size_t n);
void *REAL(calloc)(size_t n, size_t size);
void *REAL(realloc)(void *p, size_t n);
void REAL(free)(void *p);

/* What a run tells: in memory that it shares with the process that judges it. */
typedef struct tally { atomic_long calls, live; bool returned; } tally;
static tally *counting;       /* NULL: all get memory, and nothing is counted */
static long refused_from, refused_to;

static bool is_refused(void)
{
    long n = counting ? atomic_fetch_add(&counting->calls, 1) + 1 : 0;
    if (!n || n < refused_from || n > refused_to)
        return false;
    errno = ENOMEM;
    return true;
}

static void *given(void *p)
{
    if (counting && p)
        atomic_fetch_add(&counting->live, 1);
    return p;
}

void *malloc(size_t n)
{
    return is_refused() ? NULL : given(REAL(malloc)(n));
}

void *calloc(size_t n, size_t size)
{
    return is_refused() ? NULL : given(REAL(calloc)(n, size));
}

void *realloc(void *p, size_t n)
{
    if (n && is_refused())
        return NULL;
    if (counting && p && !n)
        atomic_fetch_sub(&counting->live, 1);
    return p ? REAL(realloc)(p, n) : given(REAL(realloc)(p, n));
}

void free(void *p)
{
    if (counting && p)
        atomic_fetch_sub(&counting->live, 1);
    REAL(free)(p);
}

/* ------------------------------------------------------------------ texts -- */

typedef struct text { char *at; size_t n; } text;

static void die(const char *what)
{
    fprintf(stderr, "faults: %s: %s\n", what, strerror(errno));
    _exit(2);
}

static text read_fd(int fd)
{
    struct stat st;
    text t = {NULL, 0};
    if (fstat(fd, &st) || !(t.at = malloc((size_t)st.st_size + 1)))
        die("cannot read");
    ssize_t n = pread(fd, t.at, (size_t)st.st_size, 0);
    t.n = n > 0 ? (size_t)n : 0;
    t.at[t.n] = 0;
    return t;
}

static bool same(text a, text b)
{
    return a.n == b.n && !memcmp(a.at, b.at, a.n);
}

/* ------------------------------------------------------------------ files -- */

enum { FILES = 16 };
typedef struct file { char name[256]; text text; } file;
typedef struct folder { file at[FILES]; int n; } folder;

static folder read_folder(int dir)
{
    folder f = {.n = 0};
    int at = openat(dir, ".", 0);
    DIR *d = at < 0 ? NULL : fdopendir(at);
    if (!d)
        die("cannot open FAULTS_DIR");
    for (struct dirent *e; f.n < FILES && (e = readdir(d));)
        if (*e->d_name != '.') {
            int fd = openat(dir, e->d_name, 0);
            snprintf(f.at[f.n].name, sizeof f.at->name, "%s", e->d_name);
            f.at[f.n++].text = read_fd(fd);
            close(fd);
        }
    closedir(d);
    return f;
}

static void free_folder(folder *f)
{
    for (int i = 0; i < f->n; i++)
        free(f->at[i].text.at);
    f->n = 0;
}

static const file *find(const folder *f, const char *name)
{
    for (int i = 0; i < f->n; i++)
        if (!strcmp(f->at[i].name, name))
            return &f->at[i];
    return NULL;
}

static bool is_as(const folder *f, const file *x)
{
    const file *y = find(f, x->name);
    return y && same(x->text, y->text);
}

/* Files as they were before the run. */
static void put_back(int dir, const folder *now, const folder *before)
{
    for (int i = 0; i < now->n; i++)
        if (!find(before, now->at[i].name))
            unlinkat(dir, now->at[i].name, 0);
    for (int i = 0; i < before->n; i++)
        if (!is_as(now, &before->at[i])) {
            int fd = openat(dir, before->at[i].name, O_WRONLY | O_CREAT | O_TRUNC, 0666);
            if (write(fd, before->at[i].text.at, before->at[i].text.n) < 0)
                die("cannot write");
            close(fd);
        }
}

/* ------------------------------------------------------------------- runs -- */

typedef struct run { int status; text out, err; folder files; long calls, live; bool returned; } run;
typedef struct tool { int argc; char **argv; int dir, out, err; tally *tally; } tool;

/* What is written at the end, such as counts of coverage, has all memory. */
static void stop_counting(void)
{
    counting = NULL;
}

static void child(const tool *t, long from, long to)
{
    atexit(stop_counting);
    dup2(t->out, 1);
    dup2(t->err, 2);
    refused_from = from;
    refused_to = to;
    counting = t->tally;
    int status = __real_main(t->argc, t->argv);
    t->tally->returned = true;
    exit(status);
}

static run run_once(const tool *t, long from, long to)
{
    if (ftruncate(t->out, 0) || ftruncate(t->err, 0))
        die("cannot empty a file");
    lseek(0, 0, SEEK_SET);
    lseek(t->out, 0, SEEK_SET);
    lseek(t->err, 0, SEEK_SET);
    *t->tally = (tally){0};
    fflush(stdout); /* what a child inherits it prints */
    pid_t pid = fork();
    if (pid < 0)
        die("cannot fork");
    if (!pid)
        child(t, from, to);
    run r = {0};
    waitpid(pid, &r.status, 0);
    r.out = read_fd(t->out);
    r.err = read_fd(t->err);
    r.files = read_folder(t->dir);
    r.calls = t->tally->calls;
    r.live = t->tally->live;
    r.returned = t->tally->returned;
    return r;
}

static void free_run(run *r)
{
    free(r->out.at);
    free(r->err.at);
    free_folder(&r->files);
}

/* The last line on standard error is a whole one, of the tool, about memory. */
static bool tells_of_memory(const run *r)
{
    if (!r->err.n || r->err.at[r->err.n - 1] != '\n')
        return false;
    r->err.at[r->err.n - 1] = 0;
    const char *end = strrchr(r->err.at, '\n'), *last = end ? end + 1 : r->err.at;
    bool tells = !strncmp(last, "solder", 6) && strstr(last, "memory");
    r->err.at[r->err.n - 1] = '\n';
    return tells;
}

/* What is wrong with a run, NULL when nothing is. */
static const char *fault(const run *r, const run *first, const folder *before)
{
    if (!WIFEXITED(r->status))
        return "it crashed";
    int status = WEXITSTATUS(r->status);
    if (status == WEXITSTATUS(first->status) && !same(r->err, first->err) && !tells_of_memory(r))
        return "it ended as if there were memory, with another error";
    if (status != WEXITSTATUS(first->status) && (status != 1 || !tells_of_memory(r)))
        return "it failed without a word about memory";
    if (!status && !same(r->out, first->out) && !getenv("FAULTS_VARIES"))
        return "it printed something else";
    for (int i = 0; i < r->files.n; i++)
        if (!is_as(before, &r->files.at[i]) && !is_as(&first->files, &r->files.at[i]))
            return "it left a file that is not whole";
    if (!status && r->files.n < first->files.n)
        return "it did not write a file";
    if (r->returned && r->live > first->live)
        return "it kept memory";
    return NULL;
}

static bool try(const tool *t, const run *first, const folder *before, long from, long to)
{
    run r = run_once(t, from, to);
    const char *what = fault(&r, first, before);
    if (what)
        printf("allocation %ld%s of %ld: %s (status %#x, %ld blocks kept of %ld)\n%s", from, from == to ? "" : " and later",
               first->calls, what, r.status, r.live, first->live, r.err.at);
    put_back(t->dir, &r.files, before);
    free_run(&r);
    return !what;
}

int __wrap_main(int argc, char **argv)
{
    const char *wanted = getenv("FAULTS"), *dir = getenv("FAULTS_DIR");
    long most = wanted ? atol(wanted) : 0;
#ifdef __SANITIZE_ADDRESS__
    most = (most + 3) / 4; /* such runs take long */
#endif
    int failed = 0;
    tool t = {argc, argv, open(dir ? dir : ".", O_DIRECTORY), memfd_create("out", 0), memfd_create("err", 0),
              mmap(NULL, sizeof(tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)};
    if (!wanted || t.dir < 0 || t.out < 0 || t.err < 0 || t.tally == MAP_FAILED)
        die("FAULTS and FAULTS_DIR are wanted");
    folder before = read_folder(t.dir);
    run first = run_once(&t, 1, 0);
    long step = most ? (first.calls + most - 1) / most : 1;
    put_back(t.dir, &first.files, &before);
    for (long n = 1, i = 0; n <= first.calls && failed < 20; n += step, i++) {
        bool alone = !getenv("FAULTS_LAST") && (!most || i % 2);
        failed += alone && !try(&t, &first, &before, n, n);
        failed += (!most || !alone) && !try(&t, &first, &before, n, LONG_MAX);
    }
    printf("status %d, %ld allocations, one in %ld refused, %d times wrong\n", WEXITSTATUS(first.status), first.calls, step,
           failed);
    bool asked = first.calls != 0;
    free_run(&first);
    free_folder(&before);
    return failed || !asked;
}

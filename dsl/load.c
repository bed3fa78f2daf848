/* Reads files, follows `use`, runs the parser. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "source.h"
#include "parse.h"

void pat_parse_source(pat_session *s, pat_program *program, uint32_t file, pat_parser *p)
{
    const pat_file *f = s->files.at[file];
    *p = (pat_parser){.session = s, .program = program, .file = file, .begin = f->text, .cursor = f->text,
                      .end = f->text + f->size};
    pat_parse(p);
}

static pat_program *new_program(pat_session *s)
{
    return pat_alloc(s->arena, sizeof(pat_program));
}

static char *read_file(const char *path, size_t *size)
{
    FILE *f = !strcmp(path, "-") ? stdin : fopen(path, "rb");
    char *text = NULL;
    size_t n = 0, cap = 0;
    if (!f && errno == ENOMEM)
        pat_must(f);
    while (f && !ferror(f) && !feof(f)) {
        if (n == cap) {
            if (cap >= 1u << 30)
                break;
            text = pat_must(realloc(text, cap = cap ? cap * 2 : 1 << 16));
        }
        n += fread(text + n, 1, cap - n, f);
    }
    bool ok = f && !ferror(f) && feof(f);
    if (f && f != stdin)
        fclose(f);
    if (!ok) {
        free(text);
        return NULL;
    }
    *size = n;
    return text;
}

/* `a/b/../c.pat` and `a/c.pat` are one file. */
static const char *canonical(pat_session *s, const char *path)
{
    char *real = pat_real_path(path);
    const char *name = pat_intern(s, real, strlen(real));
    free(real);
    return name;
}

const char *pat_beside(pat_session *s, const char *user, const char *path)
{
    const char *slash = strrchr(user, '/');
    if (path[0] == '/' || !slash)
        return path;
    size_t dir = (size_t)(slash - user) + 1, n = strlen(path);
    char *joined = pat_alloc(s->arena, dir + n + 1);
    memcpy(joined, user, dir);
    memcpy(joined + dir, path, n);
    return joined;
}

uint32_t pat_read_source(pat_session *s, const char *path, pat_span from)
{
    size_t size;
    const char *open = s->open_text ? s->open_text(s->open_data, canonical(s, path), &size) : NULL;
    char *text = open ? NULL : read_file(path, &size);
    if (!open && !text) {
        pat_error(s, from, E_FILE, "cannot read %s: %s", path, strerror(errno));
        return UINT32_MAX;
    }
    uint32_t file = pat_add_file(s, path, open ? open : text, size);
    s->files.at[file]->used_at = from;
    free(text);
    return file;
}

typedef struct loader { pat_session *s; pat_program *program; pat_map seen; /* path to file */ } loader;

/* Used files come before their user, so that their rules take precedence. `from` places the message. */
static pat_file *load(loader *l, const char *path, pat_span from, unsigned depth)
{
    pat_session *s = l->s;
    const char *name = canonical(s, path);
    pat_file *seen = pat_map_get(&l->seen, name);
    if (seen)
        return seen;
    if (depth > 64) {
        pat_error(s, from, E_FILE, "cannot read %s: files use each other too deeply", path);
        return NULL;
    }
    uint32_t file = pat_read_source(s, path, from);
    if (file == UINT32_MAX)
        return NULL;
    pat_file *f = s->files.at[file];
    pat_map_add(s->arena, &l->seen, name, f);
    pat_program *own = new_program(s);
    pat_parser p;
    pat_parse_source(s, own, file, &p);
    for (uint32_t i = 0; i < p.uses.n; i++) {
        pat_file *used = load(l, pat_beside(s, path, p.uses.at[i]), *p.use_spans.at[i], depth + 1);
        if (used)
            PAT_PUSH(s->arena, f->uses, used);
    }
#define MOVE(list) \
    for (uint32_t i = 0; i < own->list.n; i++) \
        PAT_PUSH(s->arena, l->program->list, own->list.at[i])
    MOVE(dtypes);
    MOVE(enums);
    MOVE(options);
    MOVE(ops);
    MOVE(conditions);
    MOVE(kernels);
    MOVE(vocabs);
    MOVE(phases);
    MOVE(patterns);
    MOVE(rules);
#undef MOVE
    return f;
}

pat_program *pat_parse_files(pat_session *s, int n, const char *const *paths)
{
    loader l = {.s = s, .program = new_program(s)};
    for (int i = 0; i < n; i++)
        load(&l, paths[i], (pat_span){UINT32_MAX, 0, 0}, 0);
    return pat_index_names(s, l.program);
}

pat_program *pat_parse_text(pat_session *s, const char *name, const char *text, size_t len)
{
    pat_program *program = new_program(s);
    pat_parser p;
    pat_parse_source(s, program, pat_add_file(s, name, text, len), &p);
    if (p.uses.n)
        pat_error(s, *p.use_spans.at[0], E_USE_IN_TEXT, "'use' wants a file; this text has none");
    return pat_index_names(s, program);
}

/* A path as make reads it in a rule. */
static void print_make_path(const char *path, FILE *out)
{
    for (; *path; path++) {
        if (*path == ' ' || *path == '#')
            fputc('\\', out);
        fputs(*path == '$' ? "$$" : (char[]){*path, 0}, out);
    }
}

void pat_write_deps(const pat_session *s, const char *target, FILE *out)
{
    print_make_path(target, out);
    fputc(':', out);
    for (uint32_t i = 0; i < s->files.n; i++) {
        fputs(" \\\n  ", out);
        print_make_path(s->files.at[i]->path, out);
    }
    fputc('\n', out);
    for (uint32_t i = 0; i < s->files.n; i++) {
        print_make_path(s->files.at[i]->path, out);
        fputs(":\n", out);
    }
}

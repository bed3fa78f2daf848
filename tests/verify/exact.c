/* See verify.h. A chain may lose what its replacement keeps: squares that leave the range of f16, terms that cancel after
 * they were rounded. The chain over f64 tells which of two results is the better one. */
#include <ctype.h>
#include <stdlib.h>

#include "verify.h"

/* The text with floats of up to 32 bits as f64: all of them, or but those that stand as f32. */
static char *widened(const char *text, bool f32_too)
{
    static const char *const narrow[] = {"bf16", "f16", "f32"};
    char *out = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&out, &n);
    for (const char *c = text; f && *c;) {
        size_t len = 0;
        bool type = c > text + 3 && (!memcmp(c - 3, " : ", 3) || (c > text + 5 && !memcmp(c - 5, "to = ", 5)));
        for (uint32_t i = 0; type && !len && i < 3; i++)
            if (!strncmp(c, narrow[i], strlen(narrow[i])) && !isalnum((unsigned char)c[strlen(narrow[i])]))
                len = i == 2 && !f32_too && c[-2] == ':' ? 0 : strlen(narrow[i]);
        if (len)
            fputs("f64", f);
        else
            fputc(*c, f);
        c += len ? len : 1;
    }
    if (f)
        fclose(f);
    return out;
}

static void widen_data(vf_data *to, const vf_data *from, const vf_side *wide, const vf_side *left)
{
    *to = (vf_data){.n = from->n, .world = from->world};
    for (uint32_t r = 0; r < from->world; r++)
        for (uint32_t i = 0; i < from->n; i++) {
            sld_tensor t = vf_input(left, from, r, i), w = vf_input(wide, from, r, i);
            size_t n = kern_numel(&t), bytes = n * kern_size(w.dtype);
            w.data = to->at[r][i] = calloc(1, bytes + 1);
            if (t.dtype == w.dtype)
                memcpy(w.data, t.data, bytes);
            for (size_t k = 0; t.dtype != w.dtype && k < n; k++)
                kern_put(&w, k, kern_get(&t, k));
        }
}

bool vf_exact(const vf_run *run, const char *text, const vf_side *left, const vf_data *data, vf_results *out)
{
    bool ok = false;
    *out = (vf_results){0};
    for (int pass = 0; pass < 2 && !ok; pass++) {
        vf_side wide;
        vf_data in;
        char *w = widened(text, !pass);
        ok = w && vf_side_parse(&wide, run, w) && vf_side_plan(&wide, SLD_TARGET_REF);
        wide.shown = left->shown;
        if (ok) {
            widen_data(&in, data, &wide, left);
            ok = vf_side_run(&wide, &in, NULL, out);
            vf_data_free(&in);
        }
        vf_side_free(&wide);
        free(w);
    }
    return ok;
}

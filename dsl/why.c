#include "why.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "diag.h"

static const pat_why whys[] = {
#define WHY(id, text, wrong, right) {E_##id, text, wrong, right},
#define NO_EXAMPLE(id, text) {E_##id, text, NULL, NULL},
#include "why.def"
#undef WHY
#undef NO_EXAMPLE
};

const char pat_why_prelude[] = WHY_PRELUDE;

const pat_why *pat_find_why(int code)
{
    for (size_t i = 0; i < sizeof whys / sizeof *whys; i++)
        if (whys[i].code == code)
            return &whys[i];
    return NULL;
}

static void print_block(const char *title, const char *text, FILE *out)
{
    fprintf(out, "\n%s\n\n", title);
    while (*text) {
        size_t n = strcspn(text, "\n");
        fprintf(out, "    %.*s\n", (int)n, text);
        text += n + (text[n] == '\n');
    }
}

bool pat_explain_code(const char *code, FILE *out)
{
    const char *digits = code + (*code == 'E' || *code == 'e');
    char *end;
    long number = isdigit((unsigned char)*digits) ? strtol(digits, &end, 10) : 0;
    const pat_why *w = number > 0 && number < 10000 && !*end ? pat_find_why((int)number) : NULL;
    if (!w)
        return false;
    fprintf(out, "E%04d: %s\n\n%s\n", w->code, pat_code_title(w->code), w->text);
    if (w->wrong) {
        print_block("Wrong:", w->wrong, out);
        print_block("Right:", w->right, out);
        print_block("Both stand behind these declarations:", pat_why_prelude, out);
    }
    return true;
}

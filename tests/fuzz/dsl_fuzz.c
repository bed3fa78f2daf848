/* Fuzz target of the compiler: any bytes are scanned, parsed and checked, and their diagnostics printed; what the
 * checker accepts compiles to C. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "gen.h"
#include "source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *null;
    if (!null && !(null = fopen("/dev/null", "w")))
        abort();
    pat_session *s = pat_open();
    pat_program *p = pat_parse_text(s, "fuzz.pat", (const char *)data, size);
    bool ok = pat_check(s, p);
    pat_print_diags(s, null);
    if (ok != !pat_error_count(s))
        abort();
    s->diags.n = 0; /* the generator prints what it adds */
    if (ok && gen_compile(s, p, &(gen_options){.name = "fuzz", .output = "/dev/null"}, 0, NULL))
        abort();
    pat_close(s);
    return 0;
}

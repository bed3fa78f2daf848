/* The language server: diagnostics, hover, definitions, symbols and formatting over JSON-RPC on stdio. */
#ifndef PAT_LSP_H
#define PAT_LSP_H

#include <stdio.h>

/* Serves until `exit` or the end of the input; answers the exit status: 0 after a `shutdown`, else 1. */
int pat_lsp(FILE *in, FILE *out);

#endif

/* What fusing did, rule by rule, and what it did not do, and why. */
#ifndef SLD_CLI_REPORT_H
#define SLD_CLI_REPORT_H

#include "cli.h"
#include "watch.h"

typedef struct report {
    watch seen;
    sld_traffic before, after;
    watch_rule unread;       /* what nodes take that nobody reads, which go first */
    bool split;              /* the graph was cut */
} report;

/* Fuses g, which must not be fused yet, and notes what each rewrite saves; then asks what else could have matched. */
int report_make(sld_graph *g, const sld_fuse_options *options, const int64_t *symbols, report *r);
void report_free(report *r);
/* Rules of reported phases, one line each; what did not fire, with its reason. */
void report_print(const report *r, const sld_ruleset *rules, FILE *out);
/* The same as members of a JSON object: "rules": {...}, "launches": ..., "bytes_moved": ... */
void report_print_json(const report *r, const sld_ruleset *rules, FILE *out);

/* Bytes that are no UTF-8 become U+FFFD. */
void cli_json_string(const char *s, FILE *out);

#endif

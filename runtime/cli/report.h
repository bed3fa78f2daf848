/* What fusing did, rule by rule, and what it did not do, and why. */
#ifndef SLD_CLI_REPORT_H
#define SLD_CLI_REPORT_H

#include "cli.h"

/* Matches that were refused, or nearly matched, for one reason. */
typedef struct report_group {
    uint32_t rule, count;
    bool near;               /* a test of the pattern fails; otherwise the rewrite was refused */
    char place[80];          /* of that test */
    char node[120], why[300];/* an example */
} report_group;

/* What a rule's rewrites saved. whole: how often it fires in a graph that is not cut. */
typedef struct report_rule { uint32_t fired, whole; int64_t launches, bytes; } report_rule;

typedef struct report {
    report_rule *rules;      /* for each of the ruleset */
    SLD_ARRAY(report_group) groups;
    sld_traffic before, after;
    bool split;              /* the graph was cut */
} report;

/* Fuses g, which must not be fused yet, and notes what each rewrite saves; then asks what else could have matched. */
int report_make(sld_graph *g, const sld_fuse_options *options, const int64_t *symbols, report *r);
void report_free(sld_ctx *ctx, report *r);
/* Rules of reported phases, one line each; what did not fire, with its reason. */
void report_print(const report *r, const sld_ruleset *rules, FILE *out);
/* The same as members of a JSON object: "rules": {...}, "launches": ..., "bytes_moved": ... */
void report_print_json(const report *r, const sld_ruleset *rules, FILE *out);

void cli_json_string(const char *s, FILE *out);

#endif

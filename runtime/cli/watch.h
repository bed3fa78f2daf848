/* Watches fusing: what rewrites save, and which matches are refused and why. */
#ifndef SLD_CLI_WATCH_H
#define SLD_CLI_WATCH_H

#include "../traffic.h"

/* Matches that were refused, or nearly matched, for one reason. */
typedef struct watch_group {
    uint32_t rule, count;
    bool near;               /* a test of the pattern fails; otherwise the rewrite was refused */
    bool taken;              /* refused, and then another rule took the match's root */
    char place[80];          /* of that test */
    char node[120], why[400];/* an example */
} watch_group;

/* What a rule's rewrites saved. whole: how often it fires in a graph that is not cut. */
typedef struct watch_rule { uint32_t fired, whole; int64_t launches, bytes; } watch_rule;

/* A match that was refused, and the refusals of matches with a node. */
typedef struct watch_refusal {
    uint32_t rule, group;
    sld_value root;
    bool taken, told;        /* told: at rest */
} watch_refusal;
typedef struct watch_link { uint32_t refusal, next; } watch_link; /* next: as in watch.links_of; 0: none */

typedef struct watch {
    sld_graph *g;
    sld_meter *meter;        /* NULL: nobody asks what is saved */
    sld_traffic last;        /* as the last rewrite left the graph */
    const char *node;        /* only refusals of matches with this node count; NULL: all */
    watch_rule *rules;       /* for each of the ruleset */
    SLD_ARRAY(watch_group) groups;
    SLD_ARRAY(watch_refusal) refusals;
    SLD_ARRAY(watch_link) links;
    SLD_ARRAY(uint32_t) links_of; /* by value: 1 + the first link of the node whose first result it is; 0: none */
    bool failed;             /* memory is short */
} watch;

/* symbols NULL: what rewrites save is not asked. False when memory is short. */
bool watch_begin(watch *w, sld_graph *g, const int64_t *symbols);
/* For sld_fuse_options.told, with the watch as user: while the graph is fused, and while it is fused again at rest, when
 * each match that is still refused is told once. watch_taken counts those that are not, because other rules took a node. */
void watch_fusing(void *user, const sld_fuse_event *e);
void watch_at_rest(void *user, const sld_fuse_event *e);
void watch_taken(watch *w);
/* For sld_near_misses. */
void watch_near(void *user, const sld_miss *miss);
void watch_end(watch *w);

#endif

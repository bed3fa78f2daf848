/* Graphs for the tests of rules: the left side of a rule with numbers for its dims. */
#ifndef PAT_INSTANCE_H
#define PAT_INSTANCE_H

#include "expand.h"

typedef struct pat_instance {
    const pat_rule *rule;
    const pat_test *test;
    uint32_t variant;        /* from 1 */
    const char *graph;       /* text form */
    bool by_kernel;          /* `because` names what only a kernel's condition or a gate speaks of */
    int64_t tokens, world, units; /* 0: not given */
    const char *options;     /* "a=on,b=3" */
} pat_instance;
typedef PAT_LIST(pat_instance) pat_instances;

/* One instance for each test of a checked program and each variant of its rule that the test's values allow.
 * False after an error: a test whose values fit no variant, that cannot fire, or that does not fire for another
 * reason than it says. */
bool pat_make_instances(pat_session *s, const pat_program *p, pat_instances *out);
/* What an example is like beside that. */
typedef struct pat_wish {
    const x_cond *broken;  /* this condition does not hold; NULL: none is wanted broken */
    const x_val *escapes;  /* a value that is an output as well; NULL: none */
    const x_val *raised;   /* a literal of more dims than all else; NULL: none */
    const pat_test *test;  /* names have the values that it gives; NULL: any */
    uint32_t seed;         /* another example for each */
    int64_t axis;          /* that nobody asks for; 0: the last */
    bool zeros;            /* sizes may be 0 */
    bool absent;           /* what may be absent is */
    uint32_t dtypes;       /* one of them, where that is left open; 0: f32 if it may be */
} pat_wish;
/* A left side as a graph, with numbers for which all that is assumed of it holds; NULL when none are found.
 * wish NULL: any will do. */
struct t_env;
const char *pat_example(struct t_env *t, const pat_wish *wish);

enum { PAT_DRAW_MOST = 1 << 16 }; /* elements of any value, unless something else is asked for */
/* A left side with random sizes, dtypes and numbers: what its signatures, annotations and `where` let through, with
 * values that the kernels of the right side mention among them. */
typedef struct pat_drawn {
    const pat_rule *rule;
    x_variant *v;
    uint32_t variant;        /* from 1 */
    uint32_t seed;           /* seed % 8 chooses what kind of sizes: 1 some are 0, 3 most are 1 and one value has one row, 5
                              * some as large as fits, 6 and 7 what kernels ask for; 0, 2 and 4 mixed */
    const pat_kernel *kernel; /* whose row is to be taken, if that can be had; NULL: any */
    uint32_t row;
    const char *graph;       /* text form */
    const char *binds;       /* what a test gives the names to get the same graph: "H = 64, dtype = bf16" */
    int64_t elements;        /* of all its values */
} pat_drawn;
/* Fills in graph, binds and elements; `most` elements of any value. False when no graph is found. */
bool pat_draw(pat_session *s, const pat_program *p, int64_t most, pat_drawn *d);
/* Draws of each variant of a rule, NULL: of all, until n were of use, or 16 n were drawn. */
typedef struct pat_draws {
    const char *rules;       /* their names or those of families, between commas; NULL: all */
    uint32_t n, seed;
    int64_t most;
    const pat_kernel *kernel; /* as in pat_drawn */
    uint32_t row;
    bool (*each)(void *user, const pat_drawn *d); /* whether it was of use */
    void (*none)(void *user, const pat_drawn *d); /* of a variant of which not one was found; may be NULL */
    void *user;
} pat_draws;
/* Whether a rule, or its family, is one of these; NULL: any is. */
bool pat_rule_asked(const pat_rule *r, const char *rules);
bool pat_draw_all(pat_session *s, const pat_program *p, const pat_draws *o);  /* false: there is no such rule */

#endif

/* Rotation of one head by the styles of the op `rope`, and what attention and it ask of their operands beyond
 * the signature; shared by the reference and the fast kernels. */
#ifndef SLD_ROPE_H
#define SLD_ROPE_H

#include "kern.h"

enum { ROPE_NEOX, ROPE_GPTJ, ROPE_GPTJ_NEOX }; /* ORDER: attribute style of op rope */

/* Where the i-th pair of a head is read, where it goes, and where the tables hold its two factors. */
typedef struct rope_pair { size_t read[2], put[2], table[2]; } rope_pair;

static inline rope_pair rope_at(size_t i, size_t half, int64_t style)
{
    switch (style) {
    case ROPE_NEOX: return (rope_pair){{i, i + half}, {i, i + half}, {i, i + half}};
    case ROPE_GPTJ: return (rope_pair){{2 * i, 2 * i + 1}, {2 * i, 2 * i + 1}, {2 * i, 2 * i + 1}};
    default: return (rope_pair){{2 * i, 2 * i + 1}, {i, i + half}, {i, i}};
    }
}

/* y = x rotated; d: head size, w: width of cos and sin. y and x do not overlap. T: type of all four rows. */
#define ROPE_HEAD(T, y, x, cos, sin, d, w, style) \
    do { \
        size_t half_ = (style) == ROPE_GPTJ_NEOX ? (w) : (w) / 2; \
        for (size_t i_ = 0; i_ < half_; i_++) { \
            rope_pair p_ = rope_at(i_, half_, style); \
            T a_ = (x)[p_.read[0]], b_ = (x)[p_.read[1]]; \
            (y)[p_.put[0]] = a_ * (cos)[p_.table[0]] - b_ * (sin)[p_.table[0]]; \
            (y)[p_.put[1]] = b_ * (cos)[p_.table[1]] + a_ * (sin)[p_.table[1]]; \
        } \
        for (size_t i_ = 2 * half_; i_ < (d); i_++) \
            (y)[i_] = (x)[i_]; \
    } while (0)

/* A shape without its last dim. */
static inline sld_tensor rope_rows(const sld_tensor *t)
{
    sld_tensor rows = *t;
    rows.rank--;
    return rows;
}

/* Where the row of a table starts that broadcasting shows beside row i of a tensor with these rows. */
static inline size_t rope_table_row(const sld_tensor *table, const sld_tensor *rows, size_t i)
{
    sld_tensor lead = rope_rows(table);
    return kern_broadcast(&lead, rows, i) * (size_t)table->dims[table->rank - 1];
}

/* NULL when tables of this shape can rotate heads of y. */
static inline const char *rope_check(const sld_tensor *y, const sld_tensor *table, int64_t style)
{
    size_t d = (size_t)y->dims[y->rank - 1], w = (size_t)table->dims[table->rank - 1];
    sld_tensor rows = rope_rows(y), lead = rope_rows(table);
    if (style == ROPE_GPTJ_NEOX ? w > d / 2 : w > d || w % 2)
        return "the tables do not fit the head size";
    return kern_broadcasts(&lead, &rows) ? NULL : "the tables do not broadcast to the rows";
}

/* NULL when heads divide into groups and the mask fits the scores. */
static inline const char *sdpa_check(const sld_tensor *q, const sld_tensor *k, const sld_tensor *mask,
                                     const sld_tensor *scores)
{
    if (k->dims[1] == 0 || q->dims[1] % k->dims[1])
        return "query heads do not divide into key/value heads";
    return mask && !kern_broadcasts(mask, scores) ? "the mask does not broadcast to the scores" : NULL;
}

#endif

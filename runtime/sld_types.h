/* Dtypes, dims and attributes: what generated code and the graph that it works on have in common. */
#ifndef SLD_TYPES_H
#define SLD_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---------------------------------------------------------------- dtypes -- */

/* Element types.  ORDER: sld_dtype_name() and sld_dtype_size() in dtype.c. */
typedef enum sld_dtype {
    SLD_DTYPE_NONE = 0,
    SLD_BOOL,      /* one byte, 0 or 1 */
    SLD_U8,
    SLD_I8,
    SLD_I32,
    SLD_I64,
    SLD_F8E4M3FN,  /* OCP: bias 7, max 448, no infinity */
    SLD_F8E4M3FNUZ,/* bias 8, max 240, 0x80 is NaN */
    SLD_F16,
    SLD_BF16,
    SLD_F32,
    SLD_F64,
    SLD_DTYPE_COUNT
} sld_dtype;

#define SLD_DTYPE_BIT(t) (1u << (t))

/* ------------------------------------------------------------------ dims -- */

/* A dim is an integer or a handle of a symbolic expression that the graph holds.
 * Handles live far below every real integer, so that -1, INT64_MAX and the like
 * keep their meaning in attributes. */
typedef int64_t sld_dim;
#define SLD_SYM_LIMIT (INT64_MIN / 2)
static inline bool sld_dim_is_sym(sld_dim d) { return d < SLD_SYM_LIMIT; }

/* ------------------------------------------------------------ attributes -- */

typedef enum sld_attr_kind {
    SLD_ATTR_NONE = 0, /* absent: the op's default, or "not given" */
    SLD_ATTR_INT,      /* i: integer or symbolic dim */
    SLD_ATTR_FLOAT,    /* f */
    SLD_ATTR_BOOL,     /* i: 0 or 1 */
    SLD_ATTR_STRING,   /* s */
    SLD_ATTR_DTYPE,    /* i: an sld_dtype */
    SLD_ATTR_ENUM,     /* i: index into sld_attr_info.names */
    SLD_ATTR_AXIS,     /* i: an axis, stored counted from the end: -1 is the last */
    SLD_ATTR_INTS,     /* p[0..n): integers or symbolic dims */
    SLD_ATTR_AXES      /* p[0..n): axes counted from the end, ascending */
} sld_attr_kind;

typedef struct sld_attr {
    uint8_t kind;      /* sld_attr_kind */
    uint32_t n;        /* number of elements of p */
    union {
        int64_t i;
        double f;
        const char *s;    /* owned by the graph or by a constant table */
        const sld_dim *p; /* likewise */
    };
} sld_attr;

/* -------------------------------------------------------------- matchers -- */

/* What every match at a root has: operand `operand` - 1 of the root comes from one of n ops from `first` on, of those whose
 * bits are set in ops, unless that is NULL. operand 0: nothing is known. It spares the call of a matcher. */
typedef struct sld_look { uint16_t operand, first, n; const uint32_t *ops; } sld_look;

static inline bool sld_look_holds(const sld_look *l, uint32_t op)
{
    uint32_t at = op - l->first;
    return at < l->n && (!l->ops || (l->ops[at / 32] >> at % 32 & 1));
}

#endif

/* Systems of linear equations and inequalities over integers, small ones: is there a solution? */
#ifndef PAT_LINEAR_H
#define PAT_LINEAR_H

#include <stdbool.h>
#include <stdint.h>

enum { L_TERMS = 8, L_VARS = 48, L_ROWS = 160 };
#define L_LEAST INT64_MIN /* no bound */
#define L_MOST INT64_MAX

typedef struct l_term { uint32_t var; int64_t coef; } l_term;
/* Sum of coef * var, and c. */
typedef struct l_sum { uint32_t n; int64_t c; l_term at[L_TERMS]; } l_sum;
/* sum == 0, or sum <= 0 */
typedef struct l_row { l_sum sum; bool equal; } l_row;

typedef struct l_system {
    uint32_t n_vars, n_rows;
    int64_t lo[L_VARS], hi[L_VARS];
    l_row rows[L_ROWS];
} l_system;

/* a + by * b; false when the result is too large for its type. */
bool l_add(l_sum *a, const l_sum *b, int64_t by);

typedef enum l_answer { L_NONE, L_FOUND, L_UNKNOWN } l_answer;
/* L_NONE: certainly no solution. L_FOUND: values holds one, with small numbers, that `accept` agrees to. */
l_answer l_solve(const l_system *s, bool (*accept)(void *of, const int64_t *values), void *of, int64_t *values);

#endif

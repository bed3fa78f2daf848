/* Rotation of one head by the styles of the op `rope`; shared by the kernels that rotate. */
#ifndef SLD_ROPE_H
#define SLD_ROPE_H

#include <stdint.h>

enum { ROPE_NEOX, ROPE_GPTJ, ROPE_GPTJ_NEOX }; /* ORDER: attribute style of op rope */

/* y = x rotated; d: head size, w: width of cos and sin. y and x do not overlap. T is the type of all five. */
#define ROPE_HEAD(T, y, x, cos, sin, d, w, style) \
    do { \
        uint32_t rotated_ = (style) == ROPE_GPTJ_NEOX ? 2 * (uint32_t)(w) : (uint32_t)(w), half_ = rotated_ / 2; \
        for (uint32_t i_ = 0; i_ < half_; i_++) { \
            uint32_t read_a_ = (style) == ROPE_NEOX ? i_ : 2 * i_, read_b_ = (style) == ROPE_NEOX ? i_ + half_ : 2 * i_ + 1; \
            uint32_t put_a_ = (style) == ROPE_GPTJ ? 2 * i_ : i_, put_b_ = (style) == ROPE_GPTJ ? 2 * i_ + 1 : i_ + half_; \
            uint32_t ta_ = (style) == ROPE_GPTJ_NEOX ? i_ : put_a_, tb_ = (style) == ROPE_GPTJ_NEOX ? i_ : put_b_; \
            T a_ = (x)[read_a_], b_ = (x)[read_b_]; \
            (y)[put_a_] = a_ * (cos)[ta_] - b_ * (sin)[ta_]; \
            (y)[put_b_] = b_ * (cos)[tb_] + a_ * (sin)[tb_]; \
        } \
        for (uint32_t i_ = rotated_; i_ < (uint32_t)(d); i_++) \
            (y)[i_] = (x)[i_]; \
    } while (0)

#endif

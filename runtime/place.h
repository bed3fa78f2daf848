/* Places buffers with life times in one arena. */
#ifndef SLD_PLACE_H
#define SLD_PLACE_H

#include "graph.h"

#define SLD_SIZE_LIMIT ((size_t)1 << 46) /* of one value and of the arena, in bytes */

typedef struct sld_buffer {
    size_t size;          /* bytes, rounded up by the caller to the alignment it wants */
    uint32_t from, to;    /* first and last launch that needs it, inclusive; below UINT32_MAX */
    size_t offset;        /* result */
} sld_buffer;

/* Gives buffers offsets so that those alive at the same time do not overlap: larger ones first, each in
 * the smallest gap that fits. No size is above the limit. *arena: bytes in all; *live: largest sum of sizes
 * alive at once, the lower bound of any placement. */
sld_status sld_place(sld_ctx *ctx, sld_buffer *b, uint32_t n, size_t *arena, size_t *live);

#endif

/* What printing and parsing of the text form share.
 *
 *     solder 1
 *     symbol s77 in [1, 8192]
 *     input %x : f32[s77, 2048]
 *     const %w : f32[2048] = ...
 *     const %eps : f32[] = 1e-06
 *     %h, %r = add_norm(%x, _, %w; axes = [-1], eps = 1e-06) : f32[s77, 2048], f32[s77, 2048]
 *     output logits = %h
 *
 * `_` is an absent operand, `...` a constant without contents, `#` starts a comment; names with
 * odd characters are quoted.  Types behind ':' may be left out where they can be inferred.  `@2` at the
 * end of a node is its partition; without it, the first one, 0. */
#ifndef SLD_TEXT_H
#define SLD_TEXT_H

#include "graph.h"

enum {
    SLD_TEXT_VERSION = 1,
    SLD_TEXT_SMALL = 16 /* constants up to this many elements are written as numbers */
};

/* Room for one element of any type. */
typedef union sld_element { uint64_t bits; uint8_t b; uint16_t h; float f; double d; } sld_element;

/* Characters of a name that needs no quotes. */
static inline bool sld__is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '/' || c == '$' || c == '-';
}

/* The shortest decimal that reads back as x in a type: never an exponent-free integer, so that it reads as a
 * float. NaN and infinities give false: they are written as bits. */
bool sld__format_float(double x, sld_dtype t, char *buf, size_t n);
/* Reads a decimal of that form, independent of the locale; false when there is something else. */
bool sld__read_float(const char *s, double *x);

/* ---- text_print.c: parts of the text, without a line end ---- */
void sld__print_node(sld_graph *g, sld_node n, FILE *out);
void sld__print_value(sld_graph *g, sld_value v, FILE *out);
void sld__print_type(sld_graph *g, sld_value v, FILE *out);
void sld__print_dims(sld_graph *g, const sld_dim *dims, uint32_t n, FILE *out);
void sld__print_attr(sld_graph *g, const sld_attr_info *info, const sld_attr *a, FILE *out);

#endif

/* What the normalise phase removes: cuts and writes of everything, splits that were made before. */
#include "rows.h"

static const fragment fragments[] = {
    {"write.all", "%u = slice_scatter(%b, %s; axis = 0, start = 0, end = {T})\n"},
    {"parts", "%q, %k, %v = split(%x; sizes = [6, 4, 2], axis = -1)\n"},
};

#define BUFFER "input %x : {t}[{T}, {N}]\ninput %b : {t}[{M}, {N}]\n%v = reshape(%x; shape = [{T}, {N}])\n" \
               "%s = slice(%v; axes = [0], starts = [0], ends = [{T}], steps = [1])\n%h = reshape(%s; shape = [{T}, 8, {N/8}])\n" \
               "%u = slice_scatter(%b, %s; axis = 0, start = 0, end = {T})\noutput h = %h\noutput u = %u\n"
#define DTYPES "t=f16,bf16,f32 "
static const row rows[] = {
    {"nothing to cut or write", DTYPES "T=256,1024 N=64,4096! M={T}", BUFFER, "~slice=0 ~slice_scatter=0 ~reshape=1", .results = SAME},
    {"a part is written", DTYPES "T=256 M=512 N=64,4096!", BUFFER, "~slice=0 ~slice_scatter=1 ~reshape=1", .results = SAME},
    {"one row more", DTYPES "T=1024 M=1025 N=64,4096!", BUFFER, "~slice=0 ~slice_scatter=1 ~reshape=1", .results = SAME},
    {"a step of two is a cut", DTYPES, "input %x : {t}[8, 4]\n%s = slice(%x; axes = [0], starts = [0], ends = [8], steps = [2])\noutput s = %s\n",
     "~slice=1", .results = SAME},
    {"parts written back and split again", "t=f16,bf16", "input %x : {t}[5, 12]\n{parts}%a = neg(%q)\n%b = neg(%k)\n"
     "%s = slice_scatter(%x, %a; axis = 1, start = 0, end = 6)\n%t = slice_scatter(%s, %b; axis = 1, start = 6, end = 10)\n"
     "%d, %e, %f = split(%t; sizes = [6, 4, 2], axis = -1)\noutput d = %d\noutput e = %e\noutput f = %f\n",
     "~slice_scatter=0 ~split=1 ~slice=0 ~concat=0", .results = SAME},
    {"parts written back and read whole", "t=f16,bf16", "input %x : {t}[5, 12]\n{parts}%a = neg(%q)\n"
     "%s = slice_scatter(%x, %a; axis = 1, start = 0, end = 6)\noutput s = %s\noutput v = %v\n", "~slice_scatter=0 ~concat=1", .results = SAME},
    {"one split twice", "t=f16,bf16", "input %x : {t}[5, 12]\n%q, %k = split(%x; sizes = [6, 6], axis = -1)\n"
     "%r, %l = split(%x; sizes = [6, 6], axis = -1)\n%a = add(%q, %l)\n%b = sub(%k, %r)\noutput a = %a\noutput b = %b\n", "~split=1", .results = SAME},
    {"one split three times", "t=f16,bf16", "input %x : {t}[5, 12]\n{parts}%a, %b, %c = split(%x; sizes = [6, 4, 2], axis = -1)\n"
     "%d, %e, %f = split(%x; sizes = [6, 4, 2], axis = -1)\noutput q = %q\noutput b = %b\noutput f = %f\n", "~split=1", .results = SAME},
    {"two splits", "t=f16,bf16", "input %x : {t}[5, 12]\n%q, %k = split(%x; sizes = [6, 6], axis = -1)\n"
     "%r, %l = split(%x; sizes = [4, 8], axis = -1)\noutput a = %q\noutput b = %k\noutput c = %r\noutput d = %l\n", "~split=2", .results = SAME},
};

const table view_table = TABLE(rows, fragments);

/* Moves between strided places byte by byte, and the plain matrix product against one in double. */
#include "cases.h"

/* What is moved: [a, b, width], of which the first two change places, or all when `turned`, there or `back`. */
struct moved { int a, b, width, unit; bool turned, back; };

static void move_case(moved m)
{
    const int n = m.a * m.b * m.width, outer = m.turned ? 1 : m.width, inner = m.turned ? m.a * m.b : 1;
    std::vector<uint8_t> bytes((size_t)n * m.unit);
    for (uint8_t &x : bytes)
        x = (uint8_t)(uniform() * 64);
    const uint8_t *from = given(bytes);
    result to = {bytes.size(), NULL, {}};
    gpu_move v = {};
    v.rank = 3, v.unit = m.unit, v.from = from;
    const int64_t dims[3] = {m.b, m.a, m.width}, read[3] = {m.width, (int64_t)m.b * m.width, 1},
                  written[3] = {(int64_t)m.a * outer, outer, inner};
    memcpy(v.dims, dims, sizeof dims), memcpy(v.from_strides, m.back ? written : read, sizeof read);
    memcpy(v.to_strides, m.back ? read : written, sizeof written);
    const std::string error = launch({&to}, [&] {
        v.to = to.p;
        return gpu_move_strided(&v, NULL);
    });
    bool same = error.empty();
    for (int i = 0; same && i < n; i++) {
        const int a = i / (m.b * m.width), b = i / m.width % m.b, k = i % m.width;
        const size_t there = (size_t)(b * m.a * outer + a * outer + k * inner) * m.unit, here = (size_t)i * m.unit;
        same = !memcmp((uint8_t *)to.p + (m.back ? here : there), from + (m.back ? there : here), m.unit);
    }
    check(same, name_of("move", m.width, m.unit) + ": " + error);
}

/* Rows of a matrix that is wider, of which every so many elements. */
static void rows_of_wider(int unit, int wide, int step)
{
    const int rows = 4, width = 32;
    std::vector<uint8_t> bytes((size_t)rows * wide * unit);
    for (uint8_t &x : bytes)
        x = (uint8_t)(uniform() * 64);
    const uint8_t *from = given(bytes);
    result to = {(size_t)rows * width * unit, NULL, {}};
    const std::string error = launch({&to}, [&] {
        gpu_move v = {};
        v.rank = 2, v.unit = unit, v.from = from, v.to = to.p, v.dims[0] = rows, v.dims[1] = width;
        v.from_strides[0] = wide, v.from_strides[1] = step, v.to_strides[0] = width, v.to_strides[1] = 1;
        return gpu_move_strided(&v, NULL);
    });
    bool same = error.empty();
    for (int i = 0; same && i < rows * width; i++)
        same = !memcmp((uint8_t *)to.p + (size_t)i * unit, from + (size_t)(i / width * wide + i % width * step) * unit, unit);
    check(same, name_of("rows of wider ones", wide, unit) + ": " + error);
}

static void matmul_case(int batch, int rows, int columns, int inner, bool transposed, bool biased)
{
    numbers a((size_t)batch * rows * inner), b((size_t)batch * inner * columns), bias(columns);
    std::vector<double> want;
    for (int i = 0; i < batch * rows * columns; i++) {
        const int g = i / (rows * columns), row = i / columns, column = i % columns;
        double sum = biased ? bias.v[column] : 0;
        for (int k = 0; k < inner; k++)
            sum += a.v[row * inner + k] * b.v[(size_t)g * inner * columns + (transposed ? column * inner + k : k * columns + column)];
        want.push_back(sum);
    }
    result out = {2 * want.size(), NULL, {}};
    const std::string error = launch({&out}, [&] {
        gpu_matmul m = {a.p, b.p, biased ? bias.p : NULL, out.p, (int64_t)rows * inner, (int64_t)inner * columns, (int64_t)rows * columns,
                        rows, columns, inner, batch, transposed, dtype};
        return gpu_matmul_plain(&m, NULL);
    });
    check(error.empty() && near16(out.p, want), name_of("matmul", rows, columns) + ": " + error);
}

/* As many rows as a grid has, and one more; none of the products has a column. */
static void matmul_limits(void)
{
    for (int most = 65535; most <= 65536; most++) {
        gpu_matmul rows = {}, batches = {};
        rows.m = batches.batch = most, rows.batch = batches.m = 1;
        check(!gpu_matmul_plain(&rows, NULL) == (most < 65536), "the most rows of a product");
        check(!gpu_matmul_plain(&batches, NULL) == (most < 65536), "the most products");
    }
}

void move_cases(void)
{
    for (int unit = 1; unit <= 8; unit *= 2) {
        rows_of_wider(unit, 64, 2);
        rows_of_wider(unit, 33, 1);
    }
    for (int unit = 1; unit <= 8; unit *= 2)
        for (int turned = 0; turned < 2; turned++)
            for (int width : {7, 16 / unit, 272 / unit, 24}) {
                move_case({3, 5, width, unit, turned != 0, false});
                move_case({3, 5, width, unit, turned != 0, true});
            }
    move_case({30, 40, 18, 8, false, false}); /* blocks enough that one more or less counts */
    for (int k = 0; k < 4; k++)
        matmul_case(k & 2 ? 1 : 2, 5, 130, 33, k & 1, k & 2);
    matmul_limits();
}

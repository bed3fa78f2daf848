/* Latent attention of a decode step: queries made ready, cache rows, attention, against sums in double. */
#include "cases.h"

static void mla_case(int tokens, int heads)
{
    const int L = 5;
    numbers q((size_t)tokens * heads * 192), w((size_t)heads * 128 * 512), c((size_t)tokens * 512), k((size_t)tokens * 64),
        table(L * 64);
    std::vector<int64_t> positions(tokens), slots(tokens);
    for (int t = 0; t < tokens; t++)
        positions[t] = (t * 3 + 1) % L, slots[t] = t == 2 ? -1 : t;
    int64_t *at = given(positions), *to = given(slots);
    float *scale = given<float>({0.25f});
    result out = {(size_t)tokens * heads * 576, NULL, {}};
    uint8_t *cache = NULL;
    std::string error = launch({&out}, [&] {
        cache = (uint8_t *)hipemu_alloc((size_t)tokens * 576, 0x11);
        gpu_mla a = {q.p, w.p, c.p, k.p, at, to, table.p, scale, out.p, cache, tokens, heads, dtype, format};
        return gpu_mla_decode(&a, NULL);
    });
    const std::string name = name_of("mla_decode", tokens, heads);
    check(error.empty(), name + ": " + error);
    auto turned = [&](const double *from, int t) {
        std::vector<double> y(64);
        for (int i = 0; i < 32; i++) {
            double co = table.v[positions[t] * 64 + i], s = table.v[positions[t] * 64 + 32 + i];
            y[2 * i] = from[2 * i] * co - from[2 * i + 1] * s;
            y[2 * i + 1] = from[2 * i + 1] * co + from[2 * i] * s;
        }
        return y;
    };
    for (int t = 0; t < tokens && error.empty(); t++) {
        for (int h = 0; h < heads; h++) {
            const double *x = &q.v[((size_t)t * heads + h) * 192];
            std::vector<double> want(512, 0.0), rope = turned(x + 128, t);
            for (int i = 0; i < 128; i++)
                for (int j = 0; j < 512; j++)
                    want[j] += x[i] * w.v[((size_t)h * 128 + i) * 512 + j];
            for (double &y : want)
                y = round16(y);
            want.insert(want.end(), rope.begin(), rope.end());
            check(near8((uint8_t *)out.p + ((size_t)t * heads + h) * 576, want, scale, 576),
                  name + ": token " + std::to_string(t) + ", head " + std::to_string(h) + " is wrong");
        }
        std::vector<double> row(c.v.begin() + t * 512, c.v.begin() + (t + 1) * 512), rope = turned(&k.v[t * 64], t);
        row.insert(row.end(), rope.begin(), rope.end());
        if (slots[t] >= 0)
            check(near8(cache + slots[t] * 576, row, scale, 576), name + ": the cache row of token " + std::to_string(t) + " is wrong");
        else
            for (int i = 0; i < 576; i++)
                check(cache[t * 576 + i] == 0x11, name + ": a slot was written that no token names");
    }
}

void latent_cases(void)
{
    mla_case(1, 2);
    mla_case(19, 1);
    mla_case(66, 1);
}

/* Changes of texts for libFuzzer.  It changes bytes; half of its changes are made here between whole words and signs
 * instead, since a text that still parses gets further. */
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

typedef struct word { uint32_t at, n; } word;
enum { MOST = 4096 };

/* Words, numbers, runs of blanks, strings and single signs. */
static uint32_t split(const uint8_t *data, size_t size, word *words)
{
    uint32_t n = 0;
    for (size_t i = 0, from; i < size && n < MOST; words[n++] = (word){(uint32_t)from, (uint32_t)(i - from)}) {
        from = i++;
        if (isalnum(data[from]) || data[from] == '_')
            while (i < size && (isalnum(data[i]) || data[i] == '_' || data[i] == '.'))
                i++;
        else if (isspace(data[from]))
            while (i < size && isspace(data[i]))
                i++;
        else if (data[from] == '"')
            while (i < size && data[i - 1 + (i == from + 1)] != '"' && data[i] != '\n')
                i++;
    }
    return n;
}

static uint32_t draw(unsigned *seed, uint32_t n)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)(*seed >> 4) * n >> 28);
}

/* A few neighbours, one as often as not. */
static word some(const word *words, uint32_t n, unsigned *seed)
{
    uint32_t i = draw(seed, n), last = i + (draw(seed, 2) ? 0 : draw(seed, 24));
    last = last < n ? last : n - 1;
    return (word){words[i].at, words[last].at + words[last].n - words[i].at};
}

/* Words are left out, or replaced by or put beside others of the text, of their kind as often as not. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    static word words[MOST];
    uint32_t n = seed % 2 ? split(data, size, words) : 0;
    if (n < 2)
        return LLVMFuzzerMutate(data, size, max);
    word to = some(words, n, &seed), from = draw(&seed, 4) ? some(words, n, &seed) : (word){0, 0};
    for (int i = 0; from.n && i < 8 && !isalnum(data[to.at]) != !isalnum(data[from.at]); i++)
        from = some(words, n, &seed);
    size_t kept = draw(&seed, 3) ? 0 : to.n, new_size = size - to.n + kept + from.n;
    if (new_size > max)
        return LLVMFuzzerMutate(data, size, max);
    uint8_t *copy = malloc(from.n + 1);
    if (!copy)
        abort();
    memcpy(copy, data + from.at, from.n);
    memmove(data + to.at + kept + from.n, data + to.at + to.n, size - to.at - to.n);
    memcpy(data + to.at + kept, copy, from.n);
    free(copy);
    return new_size;
}

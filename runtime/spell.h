/* What was meant by a name that is not known. */
#ifndef SLD_SPELL_H
#define SLD_SPELL_H

typedef struct sld_spelling {
    const char *wanted, *best; /* best: the nearest so far, NULL: none is near */
    unsigned distance;
    char text[120];
} sld_spelling;

/* Tries a name that there is. */
void sld__spell(sld_spelling *s, const char *name);
/* "; did you mean 'x'?", or "". */
const char *sld__did_you_mean(sld_spelling *s);

#endif

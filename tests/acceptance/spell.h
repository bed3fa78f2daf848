/* Texts of rows with their parameters chosen (rows.h). */
#ifndef ACCEPTANCE_SPELL_H
#define ACCEPTANCE_SPELL_H

#include <stdbool.h>
#include <stdio.h>

#include "rows.h"

enum { PARAMETERS = 8, VALUES = 12 };

typedef struct parameter {
    char name[16], values[VALUES][24];
    int n, at; /* how many, and which one is chosen */
} parameter;

typedef struct choice {
    const table *table;
    parameter p[PARAMETERS];
    int n;
} choice;

/* `over` of a row, the first combination chosen; values with ! behind them only where `large`. */
choice choice_first(const table *t, const char *over, bool large);
bool choice_next(choice *c); /* false after the last combination */
/* The text with parameters and fragments put in; the caller frees it. */
char *spell(const choice *c, const char *text);
/* The chosen values, for messages. */
const char *choice_text(const choice *c);

#endif

/* The options of a ruleset. What was set is kept apart from what it means: resolving starts from the defaults of the
 * level, puts what was set over them, and lets options turn each other on and off until nothing changes. A stronger
 * reason overrules a weaker one; two of one strength that contradict each other are an error. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "gate.h"
#include "spell.h"

/* Why an option has its value, from weak to strong. */
typedef enum strength { BY_DEFAULT, BY_REQUEST, IMPOSSIBLE } strength;

typedef struct setting {
    bool is_set;
    int64_t set;
    char from[80];           /* who set it */
    char unsupported[120];   /* why it stays off; "": it may be on */
    strength strength;
    char why[240];
} setting;

struct sld_settings {
    sld_ctx *ctx;
    const sld_ruleset *rules;
    int level;
    setting *all;            /* by option */
    int64_t *values;         /* likewise */
    void (*told)(void *user, const char *line);
    void *user;
};

sld_settings *sld_settings_new(sld_ctx *ctx, const sld_ruleset *rules)
{
    sld_settings *s = sld__alloc(ctx, sizeof *s);
    if (!s)
        return NULL;
    *s = (sld_settings){.ctx = ctx, .rules = rules, .level = SLD_LEVEL,
                        .all = sld__alloc(ctx, (rules->n_options + 1u) * sizeof *s->all),
                        .values = sld__alloc(ctx, (rules->n_options + 1u) * sizeof *s->values)};
    if (s->all && s->values)
        return s;
    sld_settings_free(s);
    return NULL;
}

void sld_settings_free(sld_settings *s)
{
    if (!s)
        return;
    sld__free(s->ctx, s->all);
    sld__free(s->ctx, s->values);
    sld__free(s->ctx, s);
}

const int64_t *sld__settings_values(const sld_settings *s)
{
    return s->values;
}

int64_t sld_settings_value(const sld_settings *s, uint32_t i)
{
    return s->values[i];
}

const char *sld_settings_why(const sld_settings *s, uint32_t i)
{
    return s->all[i].why;
}

int sld_settings_get_level(const sld_settings *s)
{
    return s->level;
}

/* ----------------------------------------------------------------- setting -- */

static const char *name_of(const sld_settings *s, uint32_t i)
{
    return s->rules->options[i].name;
}

static sld_status find(sld_settings *s, const char *name, const char *from, uint32_t *i)
{
    sld_spelling spelling = {.wanted = name};
    for (*i = 0; *i < s->rules->n_options; ++*i)
        if (!strcmp(name_of(s, *i), name))
            return SLD_OK;
    for (*i = 0; *i < s->rules->n_options; ++*i)
        sld__spell(&spelling, name_of(s, *i));
    return sld__fail(s->ctx, SLD_ERR_INPUT, "%s: there is no option '%s'%s (see: solder options)", from, name,
                     sld__did_you_mean(&spelling));
}

static bool read_value(const sld_option_info *o, const char *text, int64_t *out)
{
    static const struct { const char *text; int value; } words[] = {{"on", 1}, {"true", 1}, {"1", 1}, {"off", 0},
                                                                    {"false", 0}, {"0", 0}};
    for (size_t i = 0; !o->is_int && i < sizeof words / sizeof *words; i++)
        if (!strcmp(words[i].text, text)) {
            *out = words[i].value;
            return true;
        }
    char *end;
    errno = 0;
    *out = strtoll(text, &end, 10);
    return o->is_int && !errno && end != text && !*end;
}

sld_status sld_settings_set(sld_settings *s, const char *name, const char *value, const char *from)
{
    uint32_t i;
    int64_t v;
    sld_status status = find(s, name, from, &i);
    if (status)
        return status;
    const sld_option_info *o = &s->rules->options[i];
    if (!read_value(o, value, &v))
        return sld__fail(s->ctx, SLD_ERR_INPUT, "%s: option '%s' is %s, not '%s'", from, name,
                         o->is_int ? "a whole number" : "on or off", value);
    s->all[i].is_set = true;
    s->all[i].set = v;
    snprintf(s->all[i].from, sizeof s->all[i].from, "%s", from);
    return SLD_OK;
}

sld_status sld_settings_level(sld_settings *s, int level, const char *from)
{
    if (level < 0 || level > SLD_LEVEL_MAX)
        return sld__fail(s->ctx, SLD_ERR_INPUT, "%s: levels are O0 to O%d", from, SLD_LEVEL_MAX);
    s->level = level;
    return SLD_OK;
}

sld_status sld_settings_unsupported(sld_settings *s, const char *name, const char *why)
{
    uint32_t i;
    sld_status status = find(s, name, "engine", &i);
    if (!status && s->rules->options[i].is_int)
        return sld__fail(s->ctx, SLD_ERR_INPUT, "engine: option '%s' is a number, which is always supported", name);
    if (!status)
        snprintf(s->all[i].unsupported, sizeof s->all[i].unsupported, "%s", why);
    return status;
}

/* --------------------------------------------------- files and environment -- */

static char *trim(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    size_t n = strlen(text);
    while (n && isspace((unsigned char)text[n - 1]))
        text[--n] = 0;
    return text;
}

/* `O2` or `name = value`. */
static sld_status read_item(sld_settings *s, char *text, const char *from)
{
    char *eq = strchr(text, '=');
    text = trim(text);
    if (!*text)
        return SLD_OK;
    if (!eq && text[0] == 'O' && isdigit((unsigned char)text[1]) && !text[2])
        return sld_settings_level(s, text[1] - '0', from);
    if (!eq)
        return sld__fail(s->ctx, SLD_ERR_INPUT, "%s: 'name = value' or a level such as O2 is wanted, not '%s'", from, text);
    *eq = 0;
    return sld_settings_set(s, trim(text), trim(eq + 1), from);
}

sld_status sld_settings_read(sld_settings *s, const char *path)
{
    size_t size;
    unsigned number = 0;
    sld_status status = SLD_OK;
    char *text = sld__read_file(s->ctx, path, &size);
    if (!text)
        return SLD_ERR_IO;
    if (strlen(text) != size)
        status = sld__fail(s->ctx, SLD_ERR_FORMAT, "%s: a NUL byte; this is no text", path);
    for (char *line = text, *next; !status && line && *line; line = next) {
        char from[80];
        next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        line[strcspn(line, "#")] = 0;
        snprintf(from, sizeof from, "%.60s:%u", path, ++number);
        status = read_item(s, line, from);
    }
    sld__free(s->ctx, text);
    return status;
}

static sld_status read_items(sld_settings *s, const char *list, const char *from)
{
    char item[200];
    sld_status status = SLD_OK;
    while (!status && *list) {
        size_t n = strcspn(list, ",");
        if (n >= sizeof item)
            return sld__fail(s->ctx, SLD_ERR_INPUT, "%s: '%.40s...' is too long", from, list);
        memcpy(item, list, n);
        item[n] = 0;
        status = read_item(s, item, from);
        list += n + (list[n] == ',');
    }
    return status;
}

sld_status sld_settings_environment(sld_settings *s, char *(*get)(const char *name))
{
    static const char *const names[] = {"SOLDER_LEVEL", "SOLDER_OPTIONS"};
    const char *file = get("SOLDER_CONFIG");
    sld_status status = file && *file ? sld_settings_read(s, file) : SLD_OK;
    for (int i = 0; i < 2 && !status; i++)
        if (get(names[i]))
            status = read_items(s, get(names[i]), names[i]);
    return status;
}

/* ---------------------------------------------------------------- resolving -- */

static void because(sld_settings *s, uint32_t i, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void because(sld_settings *s, uint32_t i, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(s->all[i].why, sizeof s->all[i].why, fmt, ap);
    va_end(ap);
}

/* A change that nobody asked for. */
static void change(sld_settings *s, uint32_t i, bool on, strength by)
{
    char line[400];
    s->values[i] = on;
    s->all[i].strength = by;
    snprintf(line, sizeof line, "%soption '%s' is %s: %s", by == IMPOSSIBLE ? "warning: " : "", name_of(s, i),
             on ? "on" : "off", s->all[i].why);
    if (s->told)
        s->told(s->user, line);
}

static bool op_has_kernel(const sld_ruleset *r, uint16_t op, sld_target target)
{
    for (uint32_t i = r->kernel_index[op]; i < r->kernel_index[op + 1]; i++)
        if (r->kernels[i].target == target || (target == SLD_TARGET_CPU && r->kernels[i].target == SLD_TARGET_REF))
            return true;
    return false;
}

/* An op that a rule makes and the target has no kernel for; NULL when it can be made. */
static const char *op_without_kernel(const sld_ruleset *r, const sld_rule_info *rule, sld_target target)
{
    for (uint32_t i = 0; i < rule->n_made; i++)
        if (!(r->ops[rule->made[i]].flags & SLD_OP_VIEW) && !op_has_kernel(r, rule->made[i], target))
            return r->ops[rule->made[i]].name;
    return NULL;
}

static bool needs_option(const sld_rule_info *rule, uint32_t option)
{
    for (uint32_t i = 0; i < rule->n_enabled; i++)
        if (rule->enabled[i] == option)
            return true;
    return false;
}

/* An option with rules of which the target can run none is not supported there. */
static void check_target(sld_settings *s, uint32_t option, sld_target target)
{
    const char *op = NULL;
    for (uint32_t i = 0; i < s->rules->n_rules; i++)
        if (needs_option(&s->rules->rules[i], option)) {
            const char *without = op_without_kernel(s->rules, &s->rules->rules[i], target);
            if (!without)
                return;
            op = op ? op : without;
        }
    if (op)
        because(s, option, "target %s has no kernel for '%s'", sld__target_name(target), op);
    if (op && s->values[option])
        change(s, option, false, IMPOSSIBLE);
    else if (op)
        s->all[option].strength = IMPOSSIBLE;
}

static bool start_int(sld_settings *s, uint32_t i, uint32_t depth)
{
    const sld_option_info *o = &s->rules->options[i];
    because(s, i, "%s%s%s", s->all[i].is_set ? s->all[i].from : "default", s->all[i].is_set || o->n_dflt < 2 ? "" : ": ",
            s->all[i].is_set || o->n_dflt < 2 ? "" : o->dflt_text);
    s->values[i] = s->all[i].set;
    if (s->all[i].is_set)
        return true;
    for (uint32_t k = 0; k < o->n_dflt; k++) /* options that it reads have no circle */
        if (o->dflt[k].kind == SLD_T_OPTION && (depth > s->rules->n_options || !start_int(s, o->dflt[k].id, depth + 1)))
            return false;
    if (!sld__option_value(o->dflt, o->n_dflt, s->values, &s->values[i]))
        sld__fail(s->ctx, SLD_ERR_INPUT, "option '%s': its default, %s, has no value with these options", o->name,
                  o->dflt_text);
    return !*sld_error(s->ctx);
}

static void start_bool(sld_settings *s, uint32_t i, sld_target target)
{
    const sld_option_info *o = &s->rules->options[i];
    setting *e = &s->all[i];
    e->strength = e->is_set ? BY_REQUEST : BY_DEFAULT;
    s->values[i] = e->is_set ? e->set : o->on && s->level >= o->level;
    if (e->is_set)
        because(s, i, "%s", e->from);
    else if (o->on && o->level)
        because(s, i, "on from O%d, and this is O%d", o->level, s->level);
    else
        because(s, i, "default");
    if (*e->unsupported) {
        because(s, i, "not supported: %s", e->unsupported);
        if (s->values[i])
            change(s, i, false, IMPOSSIBLE);
        e->strength = IMPOSSIBLE;
    } else {
        check_target(s, i, target);
    }
}

static sld_status start(sld_settings *s, sld_target target)
{
    sld__clear(s->ctx);
    for (uint32_t i = 0; i < s->rules->n_options; i++)
        if (!s->rules->options[i].is_int)
            start_bool(s, i, target);
        else if (!start_int(s, i, 0))
            return SLD_ERR_INPUT;
    return SLD_OK;
}

static sld_status contradiction(sld_settings *s, uint32_t a, uint32_t b, const char *how)
{
    return sld__fail(s->ctx, SLD_ERR_INPUT, "option '%s' is on (%s) and %s '%s', which is %s (%s)", name_of(s, a),
                     s->all[a].why, how, name_of(s, b), s->values[b] ? "on" : "off", s->all[b].why);
}

static sld_status require(sld_settings *s, uint32_t i, uint32_t other)
{
    setting *a = &s->all[i], *b = &s->all[other];
    if (s->values[other])
        return SLD_OK;
    if (b->strength < a->strength || (b->strength == BY_DEFAULT && a->strength == BY_DEFAULT)) {
        because(s, other, "'%s' requires it", name_of(s, i));
        change(s, other, true, a->strength);
        return SLD_OK;
    }
    if (a->strength == BY_REQUEST && b->strength == BY_REQUEST)
        return contradiction(s, i, other, "requires");
    char why[120];
    snprintf(why, sizeof why, "%.110s", b->why);
    because(s, i, "it requires '%s', which is off: %s", name_of(s, other), why);
    change(s, i, false, b->strength);
    return SLD_OK;
}

static sld_status exclude(sld_settings *s, uint32_t i, uint32_t other)
{
    setting *a = &s->all[i], *b = &s->all[other];
    if (!s->values[other])
        return SLD_OK;
    if (a->strength == b->strength && a->strength != BY_DEFAULT)
        return contradiction(s, i, other, "excludes");
    uint32_t off = a->strength < b->strength ? i : other;
    because(s, off, "'%s' %s", name_of(s, off == i ? other : i), off == i ? "is on, which it excludes" : "excludes it");
    change(s, off, false, s->all[off == i ? other : i].strength);
    return SLD_OK;
}

/* Once turned off for a reason as strong as that for which others turn it on, an option stays off. */
static sld_status let_follow(sld_settings *s)
{
    uint32_t most = 4u * s->rules->n_options * s->rules->n_options + 16;
    for (bool changed = true; changed; ) {
        changed = false;
        for (uint32_t i = 0; i < s->rules->n_options; i++) {
            const sld_option_info *o = &s->rules->options[i];
            uint32_t n = o->n_requires + o->n_excludes;
            for (uint32_t k = 0; k < n && s->values[i] && !o->is_int; k++) {
                uint32_t other = k < o->n_requires ? o->requires[k] : o->excludes[k - o->n_requires];
                int64_t mine = s->values[i], theirs = s->values[other];
                sld_status status = k < o->n_requires ? require(s, i, other) : exclude(s, i, other);
                if (status)
                    return status;
                changed |= s->values[i] != mine || s->values[other] != theirs;
            }
        }
        if (changed && !most--)
            return sld__fail(s->ctx, SLD_ERR_INPUT, "the options turn each other on and off for ever");
    }
    return SLD_OK;
}

sld_status sld_settings_resolve(sld_settings *s, sld_target target, void (*told)(void *user, const char *line), void *user)
{
    s->told = told;
    s->user = user;
    sld_status status = start(s, target);
    return status ? status : let_follow(s);
}

/* Tests of the language server: whole conversations, through pat_lsp and through the program. */
#include <ctype.h>
#include <stdarg.h>
#include <stdint.h>
#include <unistd.h>

#include "json.h"
#include "lsp.h"
#include "solderc.h"

Suite *lsp_suite(void);

/* ---------------------------------------------------------- conversations -- */

static char *input;
static size_t n_input;
static FILE *sent;
static pat_arena *arena;
static PAT_LIST(pat_json) answers;
static char *output;

static void begin(void)
{
    arena = pat_arena_new();
    answers.n = answers.cap = 0;
    answers.at = NULL;
    sent = open_memstream(&input, &n_input);
}

static void end(void)
{
    pat_arena_free(arena);
    free(output);
    output = NULL;
}

static void send_bytes(const char *text, size_t n)
{
    fprintf(sent, "Content-Length: %zu\r\n\r\n", n);
    fwrite(text, 1, n, sent);
}

static void __attribute__((format(printf, 1, 2))) say(const char *fmt, ...)
{
    char *text;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    ck_assert_int_gt(n, 0);
    send_bytes(text, (size_t)n);
    free(text);
}

/* Splits what the server wrote into messages; each must be JSON. */
static void read_answers(const char *at, size_t n)
{
    const char *stop = at + n;
    while (at < stop) {
        size_t length;
        int header = 0;
        ck_assert_int_eq(sscanf(at, "Content-Length: %zu\r\n\r\n%n", &length, &header), 1);
        while (header && at[header - 1] != '\n') /* %n ate blanks of the body: there are none */
            header--;
        at += header;
        ck_assert_uint_le(length, (size_t)(stop - at));
        pat_json *v = pat_json_read(arena, at, length);
        ck_assert_msg(v != NULL, "no JSON: %.*s", (int)length, at);
        PAT_PUSH(arena, answers, v);
        at += length;
    }
}

/* Lets the server read what was said. */
static void serve(int status)
{
    size_t n = 0;
    fclose(sent);
    FILE *in = fmemopen(input, n_input ? n_input : 1, "rb"), *out = open_memstream(&output, &n);
    if (!n_input)
        fgetc(in);
    int is = pat_lsp(in, out);
    fclose(in);
    fclose(out);
    free(input);
    ck_assert_int_eq(is, status);
    read_answers(output, n);
}

static void hello(void)
{
    say("{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"capabilities\":{}}}");
    say("{\"jsonrpc\":\"2.0\",\"method\":\"initialized\",\"params\":{}}");
}

static void goodbye(void)
{
    say("{\"jsonrpc\":\"2.0\",\"id\":\"end\",\"method\":\"shutdown\"}");
    say("{\"jsonrpc\":\"2.0\",\"method\":\"exit\"}");
    serve(0);
}

static void say_text(const char *method, const char *uri, const char *before, const char *text, size_t n,
                     const char *after)
{
    char *quoted;
    size_t size;
    FILE *f = open_memstream(&quoted, &size);
    pat_json_text(f, text, n);
    fclose(f);
    say("{\"method\":\"textDocument/%s\",\"params\":{\"textDocument\":{\"uri\":\"%s\"%s%s%s}}", method, uri, before,
        quoted, after);
    free(quoted);
}

static void open_text(const char *uri, const char *text)
{
    say_text("didOpen", uri, ",\"languageId\":\"solder\",\"version\":1,\"text\":", text, strlen(text), "}");
}

static void change_text(const char *uri, const char *text)
{
    say_text("didChange", uri, "},\"contentChanges\":[{\"text\":", text, strlen(text), "}]");
}

static void ask_at(int id, const char *method, const char *uri, unsigned line, unsigned column)
{
    say("{\"id\":%d,\"method\":\"textDocument/%s\",\"params\":{\"textDocument\":{\"uri\":\"%s\"},"
        "\"position\":{\"line\":%u,\"character\":%u}}}",
        id, method, uri, line, column);
}

/* The answer to a request. */
static const pat_json *answer(double id)
{
    for (uint32_t i = 0; i < answers.n; i++) {
        const pat_json *v = pat_json_get(answers.at[i], "id");
        if (v && v->kind == PJ_NUMBER && v->number == id)
            return answers.at[i];
    }
    ck_abort_msg("request %g has no answer", id);
}

/* Diagnostics that were published for a document, the nth time. */
static const pat_json *published(const char *uri, unsigned nth)
{
    for (uint32_t i = 0; i < answers.n; i++) {
        const char *of = pat_json_get_text(answers.at[i], "params.uri");
        if (of && !strcmp(of, uri) && !nth--)
            return pat_json_get(answers.at[i], "params.diagnostics");
    }
    ck_abort_msg("nothing is published for %s", uri);
}

/* "line:column-line:column" of a range. */
static const char *range_text(const pat_json *range)
{
    static char text[80];
    ck_assert_ptr_nonnull(pat_json_get(range, "end.character"));
    snprintf(text, sizeof text, "%u:%u-%u:%u", pat_json_get_size(range, "start.line"),
             pat_json_get_size(range, "start.character"), pat_json_get_size(range, "end.line"),
             pat_json_get_size(range, "end.character"));
    return text;
}

#define URI "file:///none/such/a.pat"
#define OPS "dtype T = any\nop neg(x: T[*A]) -> T[*A]\nphase p\n"

/* ---------------------------------------------------------------- session -- */

START_TEST(life)
{
    begin();
    ask_at(1, "hover", URI, 0, 0);
    hello();
    say("{\"id\":2,\"method\":\"workspace/unheardOf\",\"params\":[]}");
    say("{\"method\":\"$/unheardOf\"}");
    say("{\"id\":\"end\",\"method\":\"shutdown\"}");
    ask_at(3, "hover", URI, 0, 0);
    say("{\"method\":\"exit\"}");
    ask_at(4, "hover", URI, 0, 0);
    serve(0);
    ck_assert_int_eq((int)pat_json_get(answer(1), "error.code")->number, -32002);
    ck_assert_int_eq((int)pat_json_get(answer(2), "error.code")->number, -32601);
    ck_assert_int_eq((int)pat_json_get(answer(3), "error.code")->number, -32600);
    ck_assert_int_eq(pat_json_get(answer(0), "result.capabilities.hoverProvider")->kind, PJ_TRUE);
    ck_assert_uint_eq(answers.n, 5);
    ck_assert_str_eq(pat_json_get_text(answers.at[3], "id"), "end");
    end();
}
END_TEST

START_TEST(ends_without_goodbye)
{
    begin();
    hello();
    open_text(URI, OPS);
    serve(1);
    end();
    begin();
    say("{\"method\":\"exit\"}");
    serve(1);
    end();
    begin();
    serve(1);
    end();
}
END_TEST

START_TEST(broken_messages)
{
    static const char *const broken[] = {"",          "{",           "nonsense", "[1, 2", "{\"id\":1,}",
                                         "\"\\u12\"", "{\"id\":1e}", "nul",      "{} {}", "\"\\ud800\\u0",
                                         "\"a\nb\"",  "[[[["};
    begin();
    fputs("garbage\r\n\r\nContent-Length: many\r\n\r\nX-Header: 1\r\ncontent-length: 2\r\n\r\n[]", sent);
    for (size_t i = 1; i < sizeof broken / sizeof *broken; i++)
        send_bytes(broken[i], strlen(broken[i]));
    char deep[4000];
    memset(deep, '[', sizeof deep);
    send_bytes(deep, sizeof deep);
    send_bytes("\"\0\"", 3);
    hello();
    say("{\"id\":{\"a\":[]},\"method\":\"shutdown\",\"params\":7}");
    say("{\"method\":\"textDocument/didOpen\",\"params\":{\"textDocument\":{\"uri\":5,\"text\":[]}}}");
    say("{\"method\":\"textDocument/didChange\",\"params\":null}");
    say("{\"method\":\"exit\"}");
    serve(0);
    ck_assert_uint_eq(answers.n, 1 + sizeof broken / sizeof *broken - 1 + 2 + 2);
    for (uint32_t i = 1; i < sizeof broken / sizeof *broken + 2; i++)
        ck_assert_int_eq((int)pat_json_get(answers.at[i], "error.code")->number, -32700);
    ck_assert_int_eq(pat_json_get(answers.at[answers.n - 1], "id")->kind, PJ_NULL);
    end();
}
END_TEST

/* A message that is cut short, and one that claims to be endless. */
START_TEST(broken_framing)
{
    begin();
    fputs("Content-Length: 100\r\n\r\n{}", sent);
    serve(1);
    ck_assert_uint_eq(answers.n, 0);
    end();
    begin();
    fputs("Content-Length: 99999999999999999999\r\n\r\n{}", sent);
    serve(1);
    end();
}
END_TEST

/* ------------------------------------------------------------ diagnostics -- */

START_TEST(diagnostics)
{
    begin();
    hello();
    open_text(URI, OPS "vocab v {\n  \"\xc3\xa9\xf0\x9f\x98\x80\"(x) -> nge(x) }\n");
    change_text(URI, OPS "op neg(y: T[*A]) -> T[*A]\n");
    change_text(URI, OPS);
    say("{\"method\":\"textDocument/didClose\",\"params\":{\"textDocument\":{\"uri\":\"" URI "\"}}}");
    goodbye();
    const pat_json *first = published(URI, 0), *second = published(URI, 1);
    ck_assert_uint_eq(first->items.n, 1);
    ck_assert_str_eq(pat_json_get_text(first->items.at[0], "code"), "E0201");
    ck_assert_str_eq(pat_json_get_text(first->items.at[0], "message"), "unknown op 'nge'\nhint: did you mean 'neg'?");
    ck_assert_str_eq(range_text(pat_json_get(first->items.at[0], "range")), "4:14-4:17");
    ck_assert_uint_eq(second->items.n, 1);
    const pat_json *related = pat_json_get(second->items.at[0], "relatedInformation");
    ck_assert_str_eq(range_text(pat_json_get(related->items.at[0], "location.range")), "1:3-1:6");
    ck_assert_str_eq(pat_json_get_text(related->items.at[0], "location.uri"), URI);
    ck_assert_uint_eq(published(URI, 2)->items.n, 0);
    ck_assert_uint_eq(published(URI, 3)->items.n, 0);
    end();
}
END_TEST

/* Open buffers stand for the files on disk, also where another file uses them; %20 and the like in URIs. */
START_TEST(buffers_override_files)
{
    char a[300], b[300];
    write_path(in_folder("a b.pat"), "");
    write_path(in_folder("ops.pat"), "phase p\n");
    snprintf(a, sizeof a, "file://%s/a%%20b.pat", getenv("D"));
    snprintf(b, sizeof b, "file://%s/./ops.pat", getenv("D"));
    begin();
    hello();
    open_text(a, "use \"ops.pat\"\nrule r { match { y = neg(neg(x)) } replace { y = x } }\n");
    open_text(b, OPS);
    change_text(b, OPS "phase 7\n");
    ask_at(1, "definition", a, 1, 21);
    goodbye();
    ck_assert_uint_eq(published(a, 0)->items.n, 1);
    ck_assert_uint_eq(published(a, 1)->items.n, 0);
    ck_assert_uint_eq(published(b, 0)->items.n, 0);
    const pat_json *d = published(a, 2)->items.at[0];
    ck_assert_str_eq(range_text(pat_json_get(d, "range")), "0:4-0:13");
    ASSERT_HAS(pat_json_get_text(d, "message"), "ops.pat:4:7: unexpected integer");
    ck_assert_str_eq(range_text(pat_json_get(published(b, 1)->items.at[0], "range")), "3:6-3:7");
    ck_assert_str_eq(pat_json_get_text(answer(1), "result.uri"), b);
    end();
}
END_TEST

/* -------------------------------------------------------- hover, definition -- */

static const char program[] =
    "use \"tests/dsl/good/prelude.pat\"\n"
    "option fast : bool = on at O1\n"
    "option most : int = 4\n"
    "enum kind = {one, two}\n"
    "# Scales x.\n"
    "op scale(x: F[*A, H], s: F[H]?; by: float, how: kind = one) -> F[*A, H] where H % 2 == 0\n"
    "pattern twice(v; by) = { t = scale(v, none; by)\n"
    "                         scale(t, none; by = by) }\n"
    "rule r in fuse enabled fast {\n"
    "  match   { a = neg(x: F[*A, W])\n"
    "            y = twice(a; by = c) }\n"
    "  where   W % 8 == 0, narrow(W)\n"
    "  gate    tokens <= most\n"
    "  replace { z = scale(x, none; by = c)\n"
    "            y = neg(z) }\n"
    "}\n"
    "condition narrow(n) = n < 9 and most_of(n)\n"
    "condition most_of(m) = m < 64  # H is wide\n"
    "kernel neg, scale { ref when narrow(rank(A)) and numel(A) < 9 }\n"
    "vocab v { \"S\"(q; b) -> scale(q, none; by = b) }\n"
    "op scale_twice(x: F[*A, H], s: F[H]?; scale...) -> F[*A, H] where H % 2 == 0\n"
    "rule rests in fuse {\n"
    "  match   { b = scale(scale(d, more...; ...), more...; by = by, how = how) }\n"
    "  replace { b = scale_twice(d, more...; ...) }\n"
    "}\n";

/* Where in the program a text is, and the column in it that is asked about. */
static void place_of(const char *needle, unsigned *line, unsigned *column)
{
    const char *at = strstr(program, needle), *start = at;
    ck_assert_msg(at != NULL, "no %s", needle);
    *line = 0;
    for (const char *c = program; c < at; c++)
        *line += *c == '\n';
    while (start > program && start[-1] != '\n')
        start--;
    *column = (unsigned)(at - start);
}

/* A word (skip bytes into the first `needle` of the program), the text to which its definition leads, and what hover
 * says of it. */
static const struct {
    const char *needle;
    unsigned skip;
    const char *target, *hover;
} places[] = {
    {"neg(x: F", 0, "op neg", "op neg(x: T[*A]) -> T[*A]\n```\nop"},
    {"scale(v", 2, "scale(x: F[*A", "\nop\n\nScales x."},
    {"twice(a", 0, "twice(v", "pattern twice(v; by) ="},
    {"fuse enabled", 0, "phase fuse", "phase fuse\n```\nphase"},
    {"fast {", 4, "fast : bool", "option fast : bool = on at O1\n```\noption"},
    {"a; by", 0, "a = neg", "a = neg(x: F[*A, W])\n```\nvalue `F[*A, W]`"},
    {"x, none; by = c", 0, "x: F[*A, W]", "x: F[*A, W]\n```\ninput `F[*A, W]`"},
    {"W % 8", 0, "W])", "match   { a = neg(x: F[*A, W])\n```\nfirst named here"},
    {"z) }", 0, "z = scale", "z = scale(x, none; by = c)\n```\nvalue `F[*A, W]`"},
    {"by = c)\n", 0, "by: float", "by: float\n```\nattribute of `scale`"},
    {"F[*A, W]", 0, "dtype F", "dtype F = {f16, bf16, f32}\n```\ndtype variable"},
    {"kind = one", 0, "kind = {", "enum kind = {one, two}"},
    {"H % 2", 0, "H], s", "first named here"},
    {"v, none", 0, "v; by", "parameter"},
    {"t, none", 0, "t = scale", "value"},
    {"scale { ref", 0, "scale(x: F[*A", "op scale("},
    {"neg, scale", 0, "op neg", "op neg("},
    {"narrow(W)", 0, "narrow(n)", "condition narrow(n) = n < 9 and most_of(n)\n```\ncondition"},
    {"narrow(rank", 0, "narrow(n)", "condition narrow(n) ="},
    {"most_of(n)", 0, "most_of(m)", "condition most_of(m) = m < 64\n```\ncondition"},
    {"n < 9 and most", 0, "n) = n", "parameter"},
    {"most\n  replace", 0, "most : int", "option most : int = 4"},
    {"q, none", 0, "q; b", "parameter"},
    {"by = b)", 0, "by: float", "attribute of `scale`"},
    {"scale...)", 0, "scale(x: F[*A", "op scale("},
    {"more...; ...) }", 0, "more...; ...), more", "match   { b = scale(scale(d, more...; ...), more...; by = by, how = how) }"},
    {"r in fuse", 0, "r in fuse", "rule r in fuse"},
};
enum { N_PLACES = sizeof places / sizeof *places };

/* The text at the place that a definition names, in the program or in the prelude. */
static char *text_at(const pat_json *location)
{
    const char *uri = pat_json_get_text(location, "uri");
    char *text = strstr(uri, "prelude.pat") ? read_path("tests/dsl/good/prelude.pat") : strdup(program), *at = text;
    for (unsigned line = pat_json_get_size(location, "range.start.line"); line; line--)
        at = strchr(at, '\n') + 1;
    at += pat_json_get_size(location, "range.start.character");
    char *tail = strdup(at);
    free(text);
    return tail;
}

START_TEST(hover_and_definition)
{
    char uri[400], cwd[300];
    snprintf(uri, sizeof uri, "file://%s/test.pat", getcwd(cwd, sizeof cwd));
    begin();
    hello();
    open_text(uri, program);
    for (int i = 0; i < N_PLACES; i++) {
        unsigned line, column;
        place_of(places[i].needle, &line, &column);
        ask_at(100 + i, "hover", uri, line, column + places[i].skip);
        ask_at(200 + i, "definition", uri, line, column + places[i].skip);
    }
    ask_at(1, "definition", uri, 0, 8);
    ask_at(2, "hover", uri, 0, 8);
    ask_at(3, "hover", uri, 4, 4);
    goodbye();
    ck_assert_uint_eq(published(uri, 0)->items.n, 0);
    for (int i = 0; i < N_PLACES; i++) {
        const char *hover = pat_json_get_text(answer(100 + i), "result.contents.value");
        ck_assert_msg(hover && strstr(hover, places[i].hover), "%s: hover is %s", places[i].needle,
                      hover ? hover : "null");
        const pat_json *location = pat_json_get(answer(200 + i), "result");
        ck_assert_msg(location && location->kind == PJ_OBJECT, "%s leads nowhere", places[i].needle);
        char *is = text_at(location);
        const char *wanted = places[i].target + (!strncmp(places[i].target, "op ", 3) ? 3 : 0) +
                             (!strncmp(places[i].target, "dtype ", 6) ? 6 : 0);
        ck_assert_msg(!strncmp(is, wanted, strlen(wanted)), "%s leads to %.30s", places[i].needle, is);
        free(is);
    }
    ASSERT_HAS(pat_json_get_text(answer(1), "result.uri"), "/tests/dsl/good/prelude.pat");
    ck_assert_int_eq(pat_json_get(answer(2), "result")->kind, PJ_NULL);
    ck_assert_int_eq(pat_json_get(answer(3), "result")->kind, PJ_NULL);
    end();
}
END_TEST

START_TEST(symbols_and_formatting)
{
    begin();
    hello();
    open_text(URI, "dtype T,U=any\nop  neg(x:T[*A])->U[1]\n");
    say("{\"id\":1,\"method\":\"textDocument/documentSymbol\",\"params\":{\"textDocument\":{\"uri\":\"" URI "\"}}}");
    say("{\"id\":2,\"method\":\"textDocument/formatting\",\"params\":{\"textDocument\":{\"uri\":\"" URI "\"}}}");
    change_text(URI, "op op op\n");
    say("{\"id\":3,\"method\":\"textDocument/formatting\",\"params\":{\"textDocument\":{\"uri\":\"" URI "\"}}}");
    change_text(URI, "phase p\n");
    say("{\"id\":4,\"method\":\"textDocument/formatting\",\"params\":{\"textDocument\":{\"uri\":\"" URI "\"}}}");
    say("{\"id\":5,\"method\":\"textDocument/formatting\",\"params\":{\"textDocument\":{\"uri\":\"file:///"
        "other\"}}}");
    goodbye();
    const pat_json *symbols = pat_json_get(answer(1), "result"), *edits = pat_json_get(answer(2), "result");
    ck_assert_uint_eq(symbols->items.n, 3);
    ck_assert_str_eq(pat_json_get_text(symbols->items.at[1], "name"), "U");
    ck_assert_str_eq(pat_json_get_text(symbols->items.at[2], "name"), "neg");
    ck_assert_str_eq(range_text(pat_json_get(symbols->items.at[2], "selectionRange")), "1:4-1:7");
    ck_assert_uint_eq(edits->items.n, 1);
    ck_assert_str_eq(pat_json_get_text(edits->items.at[0], "newText"),
                     "dtype T, U = any\nop neg(x: T[*A]) -> U[1]\n");
    ck_assert_str_eq(range_text(pat_json_get(edits->items.at[0], "range")), "0:0-2:0");
    for (int id = 3; id <= 5; id++)
        ck_assert_uint_eq(pat_json_get(answer(id), "result")->items.n, 0);
    end();
}
END_TEST

/* ------------------------------------------------------------- robustness -- */

/* Wrong files, whole and cut: every question is answered. */
static void ask_everything(const char *path)
{
    char *text = read_path(path), uri[600], cwd[300];
    size_t n = strlen(text) < 3000 ? strlen(text) : 3000;
    snprintf(uri, sizeof uri, "file://%s/%s", getcwd(cwd, sizeof cwd), path);
    begin();
    hello();
    for (int cut = 0; cut < 3; cut++) {
        say_text("didOpen", uri, ",\"text\":", text, n * (3 - (size_t)cut) / 3, "}");
        for (unsigned i = 0; i < 40; i++) {
            ask_at(1000, "hover", uri, i / 4, i * 7 % 60);
            ask_at(1000, "definition", uri, i / 4, i * 11 % 60);
        }
        ask_at(1000, "hover", uri, 4000000000u, 4000000000u);
        ask_at(1000, "documentSymbol", uri, 0, 0);
        ask_at(1000, "formatting", uri, 0, 0);
    }
    goodbye();
    unsigned answered = 0;
    for (uint32_t i = 0; i < answers.n; i++)
        answered += pat_json_get(answers.at[i], "result") != NULL;
    ck_assert_uint_eq(answered, 3 * 83 + 2);
    end();
    free(text);
}

START_TEST(wrong_files)
{
    char *paths = sh_ok("find tests/dsl -name '*.pat' | sort", 0);
    for (char *path = strtok(paths, "\n"); path; path = strtok(NULL, "\n"))
        ask_everything(path);
    free(paths);
}
END_TEST

START_TEST(random_bytes)
{
    uint64_t seed = 7;
    for (int round = 0; round < 200; round++) {
        char text[400];
        begin();
        hello();
        for (size_t i = 0; i < sizeof text; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            text[i] = round % 2 ? (char)(seed >> 33) : "{}[]\",:\\u0e1 -tfn"[(seed >> 33) % 17];
        }
        send_bytes(text, sizeof text);
        fwrite(text, 1, sizeof text, sent);
        fclose(sent);
        size_t n = 0;
        FILE *in = fmemopen(input, n_input, "rb"), *out = open_memstream(&output, &n);
        pat_lsp(in, out);
        fclose(in);
        fclose(out);
        free(input);
        read_answers(output, n);
        ck_assert_uint_ge(answers.n, 2);
        end();
    }
}
END_TEST

START_TEST(through_a_pipe)
{
    begin();
    hello();
    open_text(URI, OPS "op a(x: T[1]) -> T[N]\n");
    say("{\"id\":9,\"method\":\"shutdown\"}");
    say("{\"method\":\"exit\"}");
    fclose(sent);
    FILE *f = fopen(in_folder("in"), "wb");
    fwrite(input, 1, n_input, f);
    fclose(f);
    free(input);
    output = sh_ok("cat \"$D/in\" | \"$SOLDERC_BIN\" --lsp", 0);
    read_answers(output, strlen(output));
    ck_assert_uint_eq(answers.n, 3);
    ck_assert_str_eq(pat_json_get_text(published(URI, 0)->items.at[0], "code"), "E0206");
    end();
}
END_TEST

/* ---------------------------------------------------------------- editors -- */

static bool has_word(const char *text, const char *word)
{
    size_t n = strlen(word);
    for (const char *c = text; (c = strstr(c, word)); c += n)
        if (!isalnum((unsigned char)c[-1]) && !isalnum((unsigned char)c[n]))
            return true;
    return false;
}

/* The syntax files name every keyword of the scanner, and what VS Code reads is JSON. */
START_TEST(syntax_files)
{
    static const char *const json[] = {"package", "language-configuration", "syntaxes/solder.tmLanguage"};
    char *words = sh_ok("sed -n 's/^ *\"\\([a-z]*\\)\" *{.*DONE(T_.*/\\1/p' dsl/lex.re", 0);
    char *vim = read_path("dsl/editors/vim/syntax/solder.vim"), *code = NULL;
    unsigned n = 0;
    begin();
    for (int i = 0; i < 3; i++) {
        char path[100];
        snprintf(path, sizeof path, "dsl/editors/vscode/%s.json", json[i]);
        free(code);
        code = read_path(path);
        ck_assert_msg(pat_json_read(arena, code, strlen(code)) != NULL, "%s is no JSON", path);
    }
    for (char *word = strtok(words, "\n"); word; word = strtok(NULL, "\n"), n++)
        ck_assert_msg(has_word(vim, word) && has_word(code, word), "a syntax file does not know '%s'", word);
    ck_assert_uint_gt(n, 30);
    fclose(sent);
    free(input);
    free(vim);
    free(code);
    free(words);
    end();
}
END_TEST

Suite *lsp_suite(void)
{
    Suite *s = suite_create("lsp");
    TCase *t = tcase_create("language server");
    tcase_add_checked_fixture(t, make_folder, remove_folder);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, life);
    tcase_add_test(t, ends_without_goodbye);
    tcase_add_test(t, broken_messages);
    tcase_add_test(t, broken_framing);
    tcase_add_test(t, diagnostics);
    tcase_add_test(t, buffers_override_files);
    tcase_add_test(t, hover_and_definition);
    tcase_add_test(t, symbols_and_formatting);
    tcase_add_test(t, wrong_files);
    tcase_add_test(t, random_bytes);
    tcase_add_test(t, through_a_pipe);
    tcase_add_test(t, syntax_files);
    suite_add_tcase(s, t);
    return s;
}

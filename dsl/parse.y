/* The grammar of .pat files.  LANGUAGE.md has it in EBNF. */
%define api.pure full
%define api.prefix {pat_}
%define api.location.type {pat_span}
%define parse.error custom
%define parse.lac full
%locations
%expect 0
%param {pat_parser *p}

%code requires {
#include "source.h"
#define YYLLOC_DEFAULT(Current, Rhs, N) \
    do { \
        (Current).file = YYRHSLOC(Rhs, (N) ? 1 : 0).file; \
        (Current).begin = (N) ? YYRHSLOC(Rhs, 1).begin : YYRHSLOC(Rhs, 0).end; \
        (Current).end = YYRHSLOC(Rhs, N).end; \
    } while (0)
#define PAT_LTYPE pat_span

typedef struct pat_params { PAT_LIST(pat_param) list; } pat_params;
typedef struct pat_args { pat_terms operands; PAT_LIST(pat_arg) attrs; pat_span rest; } pat_args;
typedef struct pat_optail { pat_exprs where; bool commutative, associative, view, effect; pat_name contents; } pat_optail;
typedef struct pat_binds { PAT_LIST(pat_arg) list; } pat_binds;
}

%union {
    int64_t ival;
    double fval;
    pat_name name;
    bool flag;
    uint32_t since;
    pat_expr *expr;
    pat_exprs exprs;
    pat_type *type;
    pat_term *term;
    pat_terms terms;
    pat_arg *arg;
    pat_args args;
    pat_stmt *stmt;
    pat_stmts stmts;
    pat_op *op;
    pat_optail optail;
    pat_operand *operand;
    pat_attr *attr;
    pat_result *result;
    pat_kernel *kernel;
    pat_param *param;
    pat_vocab *vocab;
    pat_vocab_entry *entry;
    pat_pattern *pattern;
    pat_alt *alt;
    pat_rule *rule;
    pat_option *option;
    pat_test *test;
}

%code {
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

#define YYMALLOC(n) pat_must(malloc(n)) /* for the parser, lack of memory is too deep a nesting */
#define YYFREE free

int pat_lex(PAT_STYPE *value, PAT_LTYPE *span, pat_parser *p);
static void pat_yyerror(PAT_LTYPE *span, pat_parser *p, const char *text);
#define pat_error pat_yyerror /* bison's name for it; the diagnostics' own is not called here */

#define NEW(T, ...) ((T *)memcpy(pat_alloc(p->session->arena, sizeof(T)), &(T){__VA_ARGS__}, sizeof(T)))
#define PUSH(list, item) PAT_PUSH(p->session->arena, (list), (item))
static void say(pat_parser *p, pat_span span, int code, const char *text);
static pat_expr *compound(pat_parser *p, pat_expr_kind kind, pat_span span, pat_name name, pat_exprs args);
static pat_expr *unary(pat_parser *p, pat_expr_kind kind, pat_span span, pat_expr *a);
static pat_expr *binary(pat_parser *p, pat_expr_kind kind, pat_span span, pat_expr *a, pat_expr *b);
static pat_name word(pat_parser *p, pat_span span);
static void kernels(pat_parser *p, pat_kernel *rows, pat_span span, pat_terms ops);
static void kernel_name(pat_parser *p, pat_kernel *k, pat_span span, pat_name name);
static void row_part(pat_parser *p, pat_kernel *k, size_t part, pat_span word, pat_expr *e, pat_span span);
static void set_optail(pat_op *op, pat_optail t);
static pat_option *option_kind(pat_parser *p, pat_option *o, pat_span span, pat_name kind);
static void append(pat_parser *p, pat_terms *to, pat_terms from);
}

%token T_USE "use" T_DTYPE "dtype" T_OP "op" T_KERNEL "kernel" T_VOCAB "vocab" T_PHASE "phase" T_PATTERN "pattern"
%token T_RULE "rule" T_MATCH "match" T_REPLACE "replace" T_YIELD "yield" T_WHERE "where" T_WHEN "when" T_CONST "const"
%token T_INOUT "inout" T_IN "in" T_AND "and" T_OR "or" T_NOT "not" T_NONE "none" T_COMMUTATIVE "commutative"
%token T_ENUM "enum" T_CONDITION "condition" T_OPTION "option" T_AT "at" T_REQUIRES "requires" T_EXCLUDES "excludes" T_ENABLED "enabled"
%token T_FOR "for" T_GATE "gate" T_TEST "test" T_FIRES "fires" T_BECAUSE "because" T_SUPPORTS "supports" T_HOST "host"
       T_WORKSPACE "workspace"
%token T_ASSOCIATIVE "associative" T_VIEW "view" T_EFFECT "effect" T_CONTENTS "contents" T_QUIET "quiet" T_DROP "drop"
%token T_ARROW "->" T_ELLIPSIS "..." T_EQ "==" T_NE "!=" T_LE "<=" T_GE ">=" T_BAD "bad character"
%token <ival> T_INT "integer" T_BOOL "bool"
%token <fval> T_FLOAT "number"
%token <name> T_STRING "string" T_NAME "name"

%left "or"
%left "and"
%precedence "not"
%nonassoc "==" "!=" '<' "<=" '>' ">=" "in"
%left '+' '-'
%left '*' '/' '%'
%precedence UNARY

%type <name> ident opname anyname callname kind
%type <expr> expr primary
%type <exprs> exprs exprs1 conds words
%type <type> type
%type <term> term apply yielded
%type <terms> terms terms1 names names1 opnames yields
%type <arg> arg
%type <args> args attrs
%type <stmt> item
%type <stmts> items
%type <op> op_head
%type <optail> op_tail
%type <operand> operand
%type <attr> attr
%type <result> result
%type <kernel> kernel_rows
%type <param> param
%type <flag> inout quiet
%type <vocab> vocab_entries
%type <entry> entry entry_head params param_list param_list1
%type <since> since
%type <op> operands attr_list results
%type <pattern> alts
%type <alt> alt
%type <rule> rule rule_head rule_match rule_body
%type <terms> enabled
%type <option> option
%type <test> test binds bind_list
%type <ival> level
%type <fval> number

%%

program: %empty { (void)yynerrs; /* which bison counts and nobody reads */ }
  | program decl
  | program error { yyerrok; if (p->recovering) yyclearin; } /* the scanner goes on at the next declaration */
  ;

decl:
    "use" T_STRING { PUSH(p->uses, $2); PUSH(p->use_spans, NEW(pat_span, @2.file, @2.begin, @2.end)); }
  | "dtype" names1 '=' expr {
        pat_dtype_decl *d = NEW(pat_dtype_decl, .span = @$, .names = $2, .value = $4);
        PUSH(p->program->dtypes, d);
    }
  | op_head "->" results op_tail {
        $1->results.at = $3->results.at; $1->results.n = $3->results.n; $1->results.cap = $3->results.cap;
        $1->variadic_results = $3->variadic_results;
        $1->span = @$;
        set_optail($1, $4);
        PUSH(p->program->ops, $1);
    }
  | "condition" ident '(' names ')' '=' expr {
        pat_condition *c = NEW(pat_condition, .span = @$, .name = $2, .name_span = @2, .params = $4, .value = $7);
        PUSH(p->program->conditions, c);
    }
  | "kernel" opnames '{' kernel_rows '}' { kernels(p, $4, @$, $2); }
  | "vocab" T_NAME '{' vocab_entries '}' { $4->span = @$; $4->name = $2; PUSH(p->program->vocabs, $4); }
  | "phase" ident quiet {
        pat_phase *ph = NEW(pat_phase, .span = @$, .name = $2, .quiet = $3);
        PUSH(p->program->phases, ph);
    }
  | "pattern" ident '(' terms ')' '=' alts {
        $7->span = @$; $7->name = $2; $7->name_span = @2; $7->params = $4;
        PUSH(p->program->patterns, $7);
    }
  | "pattern" ident '(' terms ';' names ')' '=' alts {
        $9->span = @$; $9->name = $2; $9->name_span = @2; $9->params = $4; $9->attrs = $6;
        PUSH(p->program->patterns, $9);
    }
  | "enum" ident '=' '{' exprs1 '}' {
        pat_enum *e = NEW(pat_enum, .span = @$, .name = $2, .name_span = @2, .words = $5);
        PUSH(p->program->enums, e);
    }
  | option { $1->span = @$; PUSH(p->program->options, $1); }
  | rule { $1->span = @$; PUSH(p->program->rules, $1); }
  | "for" exprs1 rule { $3->span = @$; $3->family = $2; PUSH(p->program->rules, $3); }
  ;

/* ---- names: keywords that mean nothing in a place may be names there ---- */
ident: T_NAME
  | "enum" { $$ = word(p, @1); } | "option" { $$ = word(p, @1); } | "at" { $$ = word(p, @1); }
  | "requires" { $$ = word(p, @1); } | "excludes" { $$ = word(p, @1); } | "enabled" { $$ = word(p, @1); }
  | "for" { $$ = word(p, @1); } | "gate" { $$ = word(p, @1); } | "test" { $$ = word(p, @1); }
  | "because" { $$ = word(p, @1); } | "supports" { $$ = word(p, @1); } | "host" { $$ = word(p, @1); }
  | "associative" { $$ = word(p, @1); } | "workspace" { $$ = word(p, @1); } | "condition" { $$ = word(p, @1); } ;
opname: ident | "where" { $$ = word(p, @1); } | "and" { $$ = word(p, @1); } | "or" { $$ = word(p, @1); }
  | "not" { $$ = word(p, @1); } ;
anyname: ident
  | "dtype" { $$ = word(p, @1); } | "view" { $$ = word(p, @1); } | "phase" { $$ = word(p, @1); }
  | "match" { $$ = word(p, @1); } | "op" { $$ = word(p, @1); } | "effect" { $$ = word(p, @1); }
  | "contents" { $$ = word(p, @1); } ;
callname: ident | "dtype" { $$ = word(p, @1); } | "const" { $$ = word(p, @1); } ;
kind: ident | "dtype" { $$ = word(p, @1); } ;
names: %empty { $$ = (pat_terms){0}; } | names1 ;
names1: ident { $$ = (pat_terms){0}; PUSH($$, NEW(pat_term, .kind = PT_NAME, .span = @1, .name = $1,
    .name_span = @1)); }
  | names1 ',' ident { $$ = $1; PUSH($$, NEW(pat_term, .kind = PT_NAME, .span = @3, .name = $3,
      .name_span = @3)); } ;
opnames: opname { $$ = (pat_terms){0}; PUSH($$, NEW(pat_term, .kind = PT_NAME, .span = @1, .name = $1, .name_span = @1)); }
  | opnames ',' opname { $$ = $1; PUSH($$, NEW(pat_term, .kind = PT_NAME, .span = @3, .name = $3, .name_span = @3)); } ;
quiet: %empty { $$ = false; } | "quiet" { $$ = true; } ;

/* ---- expressions ---- */
exprs: %empty { $$ = (pat_exprs){0}; } | exprs1 ;
exprs1: expr { $$ = (pat_exprs){0}; PUSH($$, $1); } | exprs1 ',' expr { $$ = $1; PUSH($$, $3); } ;
conds: exprs1 ;
primary:
    T_INT { $$ = NEW(pat_expr, .kind = PE_INT, .span = @$, .ival = $1, .fval = (double)$1); }
  | T_FLOAT { $$ = NEW(pat_expr, .kind = PE_FLOAT, .span = @$, .fval = $1); }
  | T_BOOL { $$ = NEW(pat_expr, .kind = PE_BOOL, .span = @$, .ival = $1); }
  | T_STRING { $$ = NEW(pat_expr, .kind = PE_STRING, .span = @$, .name = $1); }
  | anyname { $$ = NEW(pat_expr, .kind = PE_NAME, .span = @$, .name = $1); }
  | "none" { $$ = NEW(pat_expr, .kind = PE_NAME, .span = @$, .name = word(p, @1)); }
  | '_' { $$ = NEW(pat_expr, .kind = PE_WILD, .span = @$); }
  | '[' exprs ']' { $$ = compound(p, PE_LIST, @$, NULL, $2); }
  | '{' exprs '}' { $$ = compound(p, PE_SET, @$, NULL, $2); }
  | callname '(' exprs ')' { $$ = compound(p, PE_CALL, @$, $1, $3); }
  | '(' expr ')' { $$ = $2; }
  ;
expr: primary
  | '*' ident %prec UNARY { $$ = NEW(pat_expr, .kind = PE_RANK, .span = @$, .name = $2); }
  | '-' expr %prec UNARY { $$ = unary(p, PE_NEG, @$, $2); }
  | "not" expr { $$ = unary(p, PE_NOT, @$, $2); }
  | expr '+' expr { $$ = binary(p, PE_ADD, @$, $1, $3); }
  | expr '-' expr { $$ = binary(p, PE_SUB, @$, $1, $3); }
  | expr '*' expr { $$ = binary(p, PE_MUL, @$, $1, $3); }
  | expr '/' expr { $$ = binary(p, PE_DIV, @$, $1, $3); }
  | expr '%' expr { $$ = binary(p, PE_MOD, @$, $1, $3); }
  | expr "==" expr { $$ = binary(p, PE_EQ, @$, $1, $3); }
  | expr "!=" expr { $$ = binary(p, PE_NE, @$, $1, $3); }
  | expr '<' expr { $$ = binary(p, PE_LT, @$, $1, $3); }
  | expr "<=" expr { $$ = binary(p, PE_LE, @$, $1, $3); }
  | expr '>' expr { $$ = binary(p, PE_GT, @$, $1, $3); }
  | expr ">=" expr { $$ = binary(p, PE_GE, @$, $1, $3); }
  | expr "in" expr { $$ = binary(p, PE_IN, @$, $1, $3); }
  | expr "and" expr { $$ = binary(p, PE_AND, @$, $1, $3); }
  | expr "or" expr { $$ = binary(p, PE_OR, @$, $1, $3); }
  ;

type: T_NAME '[' exprs ']' { $$ = NEW(pat_type, .span = @$, .dtype = $1, .dtype_span = @1, .elems = $3); }
  | "host" T_NAME '[' exprs ']' {
        $$ = NEW(pat_type, .span = @$, .host = true, .dtype = $2, .dtype_span = @2, .elems = $4);
    } ;

/* ---- ops ---- */
op_head:
    "op" opname '(' operands ')' { $$ = $4; $$->name = $2; $$->name_span = @2; }
  | "op" opname '(' operands ';' attr_list ')' {
        $$ = $4; $$->name = $2; $$->name_span = @2;
        $$->attrs.at = $6->attrs.at; $$->attrs.n = $6->attrs.n; $$->attrs.cap = $6->attrs.cap;
    }
  ;
operands: %empty { $$ = NEW(pat_op, .span = @$); }
  | operand { $$ = NEW(pat_op, .span = @$); PUSH($$->operands, $1); }
  | operands ',' operand { $$ = $1; PUSH($$->operands, $3); } ;
inout: %empty { $$ = false; } | "inout" { $$ = true; } ;
operand: inout ident ':' type { $$ = NEW(pat_operand, .span = @$, .name = $2, .type = $4, .inout = $1); }
  | inout ident ':' type '?' { $$ = NEW(pat_operand, .span = @$, .name = $2, .type = $4, .inout = $1,
      .optional = true); }
  | inout ident ':' type "..." { $$ = NEW(pat_operand, .span = @$, .name = $2, .type = $4, .inout = $1,
      .variadic = true); } ;
attr_list: attr { $$ = NEW(pat_op, .span = @$); PUSH($$->attrs, $1); }
  | attr_list ',' attr { $$ = $1; PUSH($$->attrs, $3); } ;
attr: opname "..." { $$ = NEW(pat_attr, .span = @$, .of = $1); }
  | anyname ':' kind { $$ = NEW(pat_attr, .span = @$, .name = $1, .kind = $3); }
  | anyname ':' kind '=' expr { $$ = NEW(pat_attr, .span = @$, .name = $1, .kind = $3, .dflt = $5); }
  | anyname ':' '{' words '}' {
        $$ = NEW(pat_attr, .span = @$, .name = $1);
        $$->words.at = $4.at; $$->words.n = $4.n; $$->words.cap = $4.cap;
    }
  | anyname ':' '{' words '}' '=' expr {
        $$ = NEW(pat_attr, .span = @$, .name = $1, .dflt = $7);
        $$->words.at = $4.at; $$->words.n = $4.n; $$->words.cap = $4.cap;
    } ;
words: exprs1 ;
results:
    type { $$ = NEW(pat_op, .span = @$); PUSH($$->results, NEW(pat_result, .span = @1, .type = $1)); }
  | type "..." {
        $$ = NEW(pat_op, .span = @$, .variadic_results = true);
        PUSH($$->results, NEW(pat_result, .span = @1, .type = $1));
    }
  | '(' ')' { $$ = NEW(pat_op, .span = @$); }
  | '(' result_list ')' {
        $$ = NEW(pat_op, .span = @$);
        $$->results.at = $<op>2->results.at; $$->results.n = $<op>2->results.n;
    }
  ;
result_list: result { $<op>$ = NEW(pat_op, .span = @$); PUSH($<op>$->results, $1); }
  | result_list ',' result { $<op>$ = $<op>1; PUSH($<op>$->results, $3); } ;
result: type { $$ = NEW(pat_result, .span = @$, .type = $1); }
  | ident ':' type { $$ = NEW(pat_result, .span = @$, .name = $1, .type = $3); }
  | ident ':' type '?' { $$ = NEW(pat_result, .span = @$, .name = $1, .type = $3, .optional = true); } ;
op_tail: %empty { $$ = (pat_optail){0}; }
  | op_tail "where" conds { $$ = $1; for (uint32_t i = 0; i < $3.n; i++) PUSH($$.where, $3.at[i]); }
  | op_tail "commutative" { $$ = $1; $$.commutative = true; }
  | op_tail "associative" { $$ = $1; $$.associative = true; }
  | op_tail "view" { $$ = $1; $$.view = true; }
  | op_tail "effect" { $$ = $1; $$.effect = true; }
  | op_tail "contents" T_NAME { $$ = $1; $$.contents = $3; } ;

/* ---- kernels: `target [variant] [syncs]` and parts, lines or ';' between ---- */
kernel_rows: %empty { $$ = NEW(pat_kernel, .span = @$); }
  | kernel_rows T_NAME { $$ = $1; kernel_name(p, $1, @2, $2); }
  | kernel_rows "when" expr { $$ = $1; row_part(p, $1, offsetof(pat_kernel_row, when), @2, $3, @3); }
  | kernel_rows "supports" expr { $$ = $1; row_part(p, $1, offsetof(pat_kernel_row, supports), @2, $3, @3); }
  | kernel_rows "workspace" expr { $$ = $1; row_part(p, $1, offsetof(pat_kernel_row, workspace), @2, $3, @3); }
  | kernel_rows ';' { $$ = $1; } ;

/* ---- options ---- */
option: "option" ident ':' ident {
        $$ = option_kind(p, NEW(pat_option, .name = $2, .name_span = @2), @4, $4);
    }
  | "option" ident ':' ident '=' expr {
        $$ = option_kind(p, NEW(pat_option, .name = $2, .name_span = @2, .dflt = $6), @4, $4);
    }
  | option "at" level { $$ = $1; $$->level = (int)$3; }
  | option "requires" names1 { $$ = $1; append(p, &$$->requires, $3); }
  | option "excludes" names1 { $$ = $1; append(p, &$$->excludes, $3); } ;
level: ident {
        $$ = strlen($1) == 2 && $1[0] == 'O' && $1[1] >= '0' && $1[1] <= '3' ? $1[1] - '0' : 0;
        if ($1[0] != 'O' || (!$$ && strcmp($1, "O0")))
            say(p, @1, E_LEVEL, "an optimisation level is O0, O1, O2 or O3");
    } ;

/* ---- vocabularies ---- */
vocab_entries: %empty { $$ = NEW(pat_vocab, .span = @$); }
  | vocab_entries entry { $$ = $1; PUSH($$->entries, $2); } ;
entry: entry_head "->" apply { $$ = $1; $$->target = $3; $$->span = @$; }
  | entry_head "->" "drop" { $$ = $1; $$->span = @$; }
  | entry_head "where" conds "->" apply { $$ = $1; $$->where = $3; $$->target = $5; $$->span = @$; }
  | entry_head "where" conds "->" "drop" { $$ = $1; $$->where = $3; $$->span = @$; } ;
entry_head: T_STRING since '(' params ')' { $$ = $4; $$->foreign = $1; $$->since = $2; } ;
since: %empty { $$ = 0; }
  | '@' T_INT {
        $$ = (uint32_t)$2;
        if ($2 < 1 || $2 >= UINT16_MAX) {
            $$ = 1;
            say(p, @2, E_VERSION, "a version is a number from 1 to 65534");
        }
    } ;
params: param_list
  | param_list ';' param_list {
        $$ = $1;
        for (uint32_t i = 0; i < $3->params.n; i++) {
            $3->params.at[i]->keyword = true;
            PUSH($$->params, $3->params.at[i]);
        }
    } ;
param_list: %empty { $$ = NEW(pat_vocab_entry, .span = @$); } | param_list1 ;
param_list1: param { $$ = NEW(pat_vocab_entry, .span = @$); PUSH($$->params, $1); }
  | param_list1 ',' param { $$ = $1; PUSH($$->params, $3); } ;
param: anyname { $$ = NEW(pat_param, .span = @$, .name = $1); }
  | anyname '?' { $$ = NEW(pat_param, .span = @$, .name = $1, .optional = true); }
  | anyname "..." { $$ = NEW(pat_param, .span = @$, .name = $1, .variadic = true); }
  | anyname '=' expr { $$ = NEW(pat_param, .span = @$, .name = $1, .dflt = $3, .optional = true); } ;

/* ---- terms ---- */
number: T_INT { $$ = (double)$1; } | T_FLOAT { $$ = $1; }
  | '-' T_INT { $$ = -(double)$2; } | '-' T_FLOAT { $$ = -$2; } ;
term: ident { $$ = NEW(pat_term, .kind = PT_NAME, .span = @$, .name = $1, .name_span = @1); }
  | ident '?' { $$ = NEW(pat_term, .kind = PT_NAME, .span = @$, .name = $1, .name_span = @1, .maybe = true); }
  | ident ':' type { $$ = NEW(pat_term, .kind = PT_NAME, .span = @$, .name = $1, .name_span = @1,
      .type = $3); }
  | ident '?' ':' type { $$ = NEW(pat_term, .kind = PT_NAME, .span = @$, .name = $1, .name_span = @1,
      .maybe = true, .type = $4); }
  | ident "..." { $$ = NEW(pat_term, .kind = PT_SPLICE, .span = @$, .name = $1, .name_span = @1); }
  | "const" ident { $$ = NEW(pat_term, .kind = PT_CONST, .span = @$, .name = $2, .name_span = @2); }
  | number { $$ = NEW(pat_term, .kind = PT_NUMBER, .span = @$, .fval = $1, .tol = PAT_TOLERANCE); }
  | number '~' number { $$ = NEW(pat_term, .kind = PT_NUMBER, .span = @$, .fval = $1, .tol = $3); }
  | '_' { $$ = NEW(pat_term, .kind = PT_WILD, .span = @$); }
  | "none" { $$ = NEW(pat_term, .kind = PT_NONE, .span = @$); }
  | apply
  ;
apply: opname '(' args ')' {
        $$ = NEW(pat_term, .kind = PT_APPLY, .span = @$, .name = $1, .name_span = @1,
            .operands = $3.operands, .rest = $3.rest);
        $$->attrs.at = $3.attrs.at; $$->attrs.n = $3.attrs.n; $$->attrs.cap = $3.attrs.cap;
    } ;
terms: %empty { $$ = (pat_terms){0}; } | terms1 ;
terms1: term { $$ = (pat_terms){0}; PUSH($$, $1); } | terms1 ',' term { $$ = $1; PUSH($$, $3); } ;
args: terms { $$ = (pat_args){.operands = $1}; }
  | terms ';' attrs { $$ = $3; $$.operands = $1; }
  | terms ';' attrs ',' "..." { $$ = $3; $$.operands = $1; $$.rest = @5; }
  | terms ';' "..." { $$ = (pat_args){.operands = $1, .rest = @3}; } ;
attrs: arg { $$ = (pat_args){0}; PUSH($$.attrs, $1); } | attrs ',' arg { $$ = $1; PUSH($$.attrs, $3); } ;
arg: expr { $$ = NEW(pat_arg, .span = @$, .value = $1); }
  | anyname '=' expr { $$ = NEW(pat_arg, .span = @$, .name = $1, .value = $3); } ;

/* ---- statements: results = value; in an alternative the last item is the value alone ---- */
item: terms1 '=' term { $$ = NEW(pat_stmt, .span = @$, .results = $1, .value = $3); }
  | term { $$ = NEW(pat_stmt, .span = @$, .value = $1); } ;
items: %empty { $$ = (pat_stmts){0}; }
  | items item { $$ = $1; PUSH($$, $2); }
  | items ';' { $$ = $1; } ;

/* ---- patterns and rules ---- */
alts: alt { $$ = NEW(pat_pattern, .span = @$); PUSH($$->alts, $1); }
  | alts '|' alt { $$ = $1; PUSH($$->alts, $3); } ;
alt: term { $$ = NEW(pat_alt, .span = @$, .value = $1); }
  | term "where" conds { $$ = NEW(pat_alt, .span = @$, .value = $1, .where = $3); }
  | '{' items '}' { $$ = NEW(pat_alt, .span = @$, .stmts = $2); }
  | '{' items '}' "where" conds { $$ = NEW(pat_alt, .span = @$, .stmts = $2, .where = $5); } ;

rule: rule_head '{' rule_body '}' {
        $$ = $3;
        $$->name = $1->name; $$->name_span = $1->name_span; $$->enabled = $1->enabled;
        $$->phase_name = $1->phase_name; $$->phase_span = $1->phase_span;
    } ;
rule_head: "rule" ident enabled { $$ = NEW(pat_rule, .span = @$, .name = $2, .name_span = @2, .enabled = $3); }
  | "rule" ident "in" ident enabled {
        $$ = NEW(pat_rule, .span = @$, .name = $2, .name_span = @2, .phase_name = $4, .phase_span = @4,
            .enabled = $5);
    } ;
enabled: %empty { $$ = (pat_terms){0}; } | "enabled" names1 { $$ = $2; } ;
rule_match: "match" '{' items '}' { $$ = NEW(pat_rule, .span = @$, .match = $3); }
  | "match" '{' items "yield" yields '}' { $$ = NEW(pat_rule, .span = @$, .match = $3, .yield = $5); }
  | rule_match "where" conds { $$ = $1; for (uint32_t i = 0; i < $3.n; i++) PUSH($$->where, $3.at[i]); }
  | rule_match "gate" conds { $$ = $1; for (uint32_t i = 0; i < $3.n; i++) PUSH($$->gate, $3.at[i]); } ;
yields: yielded { $$ = (pat_terms){0}; PUSH($$, $1); } | yields ',' yielded { $$ = $1; PUSH($$, $3); } ;
yielded: ident { $$ = NEW(pat_term, .kind = PT_NAME, .span = @1, .name = $1, .name_span = @1); }
  | ident "..." { $$ = NEW(pat_term, .kind = PT_SPLICE, .span = @$, .name = $1, .name_span = @1); } ;
rule_body: rule_match "replace" '{' items '}' { $$ = $1; $$->replace = $4; }
  | rule_body test { $$ = $1; PUSH($$->tests, $2); } ;

test: "test" T_STRING '{' binds "fires" T_INT '}' { $$ = $4; $$->title = $2; $$->fires = $6; $$->span = @$; }
  | "test" T_STRING '{' binds "fires" T_INT "because" anyname '}' {
        $$ = $4; $$->title = $2; $$->fires = $6; $$->because = $8; $$->because_span = @8; $$->span = @$;
    } ;
binds: %empty { $$ = NEW(pat_test, .span = @$); } | bind_list ';' ;
bind_list: anyname '=' expr {
        $$ = NEW(pat_test, .span = @$);
        PUSH($$->binds, NEW(pat_arg, .span = @$, .name = $1, .value = $3));
    }
  | bind_list ',' anyname '=' expr {
        $$ = $1;
        pat_span span = @3;
        span.end = @5.end;
        PUSH($$->binds, NEW(pat_arg, .span = span, .name = $3, .value = $5));
    } ;

%%
#undef pat_error

static void say(pat_parser *p, pat_span span, int code, const char *text)
{
    pat_error(p->session, span, code, "%s", text);
}

/* Later passes walk expressions by recursion: ival of an inner node counts its height, and a tree that is too
 * high is cut.  Chains such as a + b + c + ... are as high as they are long. */
static pat_expr *compound(pat_parser *p, pat_expr_kind kind, pat_span span, pat_name name, pat_exprs args)
{
    enum { HIGHEST = 200 };
    pat_expr *e = NEW(pat_expr, .kind = kind, .span = span, .name = name, .args = args);
    for (uint32_t i = 0; i < args.n; i++)
        if (args.at[i]->args.n && args.at[i]->ival >= e->ival)
            e->ival = args.at[i]->ival + 1;
    if (e->ival <= HIGHEST)
        return e;
    if (!p->too_deep)
        say(p, span, E_DEPTH, "this expression is nested too deeply");
    p->too_deep = true;
    return NEW(pat_expr, .kind = PE_WILD, .span = span);
}

static pat_expr *unary(pat_parser *p, pat_expr_kind kind, pat_span span, pat_expr *a)
{
    pat_exprs args = {0};
    PUSH(args, a);
    return compound(p, kind, span, NULL, args);
}

static pat_expr *binary(pat_parser *p, pat_expr_kind kind, pat_span span, pat_expr *a, pat_expr *b)
{
    pat_exprs args = {0};
    PUSH(args, a);
    PUSH(args, b);
    return compound(p, kind, span, NULL, args);
}

/* A keyword's own text. */
static pat_name word(pat_parser *p, pat_span span)
{
    return pat_intern(p->session, p->begin + span.begin, span.end - span.begin);
}

/* Each op has rows of its own: what is found out of them differs. */
static void kernels(pat_parser *p, pat_kernel *rows, pat_span span, pat_terms ops)
{
    for (uint32_t i = 0; i < ops.n; i++) {
        pat_kernel *k = NEW(pat_kernel, .span = span, .name = ops.at[i]->name, .name_span = ops.at[i]->span);
        for (uint32_t j = 0; j < rows->rows.n; j++) {
            pat_kernel_row *row = (pat_kernel_row *)memcpy(pat_alloc(p->session->arena, sizeof *row), rows->rows.at[j],
                                                           sizeof *row);
            PUSH(k->rows, row);
        }
        PUSH(p->program->kernels, k);
    }
}

/* A name in a kernel's body is the target of a new row, the variant of the last one, or says that it syncs. */
static void kernel_name(pat_parser *p, pat_kernel *k, pat_span span, pat_name name)
{
    bool target = !strcmp(name, "ref") || !strcmp(name, "cpu") || !strcmp(name, "hip");
    pat_kernel_row *last = k->rows.n ? k->rows.at[k->rows.n - 1] : NULL;
    if (!strcmp(name, "syncs") && last && !last->syncs) {
        last->syncs = true;
        last->span.end = span.end;
        return;
    }
    if (!target && last && !last->variant && !last->when && !last->supports && !last->workspace) {
        last->variant = name;
        last->span.end = span.end;
        return;
    }
    pat_kernel_row *row = NEW(pat_kernel_row, .span = span, .target = name);
    PUSH(k->rows, row);
}

/* An expression of the last row, at this offset, which must not have it yet. */
static void row_part(pat_parser *p, pat_kernel *k, size_t part, pat_span word, pat_expr *e, pat_span span)
{
    pat_kernel_row *row = k->rows.n ? k->rows.at[k->rows.n - 1] : NULL;
    pat_expr **at = row ? (pat_expr **)((char *)row + part) : NULL;
    if (!at || *at) {
        say(p, word, E_SYNTAX, "a kernel row starts with its target");
        return;
    }
    *at = e;
    row->span.end = span.end;
}

static void set_optail(pat_op *op, pat_optail t)
{
    op->where = t.where;
    op->commutative = t.commutative;
    op->associative = t.associative;
    op->view = t.view;
    op->effect = t.effect;
    op->contents = t.contents;
}

static pat_option *option_kind(pat_parser *p, pat_option *o, pat_span span, pat_name kind)
{
    o->is_int = !strcmp(kind, "int");
    if (!o->is_int && strcmp(kind, "bool")) {
        say(p, span, E_OPTION_KIND, "an option is a 'bool' or an 'int'");
        o->dflt = NULL;
    }
    return o;
}

static void append(pat_parser *p, pat_terms *to, pat_terms from)
{
    for (uint32_t i = 0; i < from.n; i++)
        PUSH(*to, from.at[i]);
}

/* Syntax errors go through yyreport_syntax_error; what remains is a full parser stack. */
static void pat_yyerror(PAT_LTYPE *span, pat_parser *p, const char *text)
{
    (void)text;
    say(p, *span, E_DEPTH, "this is nested too deeply");
}

/* Words and signs stand in quotes, classes of tokens do not. */
static int append_symbol(char *text, size_t size, const char *before, yysymbol_kind_t symbol)
{
    const char *name = yysymbol_name(symbol), *quote = "'";
    switch (symbol) {
    case YYSYMBOL_T_INT: case YYSYMBOL_T_BOOL: case YYSYMBOL_T_FLOAT: case YYSYMBOL_T_STRING:
    case YYSYMBOL_T_NAME: case YYSYMBOL_T_BAD: case YYSYMBOL_YYEOF:
        quote = "";
        break;
    default:
        if (*name == '\'')
            quote = "";
    }
    return snprintf(text, size, "%s%s%s%s", before, quote, name, quote);
}

/* Keywords that stand wherever a name stands; `name` speaks for them. */
static bool is_soft(yysymbol_kind_t symbol)
{
    return (symbol >= YYSYMBOL_T_ENUM && symbol <= YYSYMBOL_T_ASSOCIATIVE && symbol != YYSYMBOL_T_FIRES) ||
           symbol == YYSYMBOL_T_DTYPE || symbol == YYSYMBOL_T_VIEW || symbol == YYSYMBOL_T_PHASE ||
           symbol == YYSYMBOL_T_MATCH || symbol == YYSYMBOL_T_OP || symbol == YYSYMBOL_T_EFFECT ||
           symbol == YYSYMBOL_T_CONTENTS;
}

static int expected_tokens(const yypcontext_t *ctx, yysymbol_kind_t *to, int most)
{
    yysymbol_kind_t all[YYNTOKENS];
    int n = yypcontext_expected_tokens(ctx, all, YYNTOKENS), kept = 0;
    bool name = false;
    for (int i = 0; i < n; i++)
        name |= all[i] == YYSYMBOL_T_NAME;
    for (int i = 0; i < n; i++)
        if (!name || !is_soft(all[i])) {
            if (kept == most)
                return 0;
            to[kept++] = all[i];
        }
    return kept;
}

static void hide(pat_parser *p, const char *at, size_t n)
{
    pat_name name = pat_intern(p->session, at, n);
    pat_map_add(p->session->arena, &p->session->told, name, name);
}

/* What a declaration with a syntax error would have declared. */
static void hide_names(pat_parser *p, const pat_reading *r)
{
    static const char blanks[] = " \t\r\n", letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    bool names = r->keyword == T_DTYPE || r->keyword == T_ENUM || r->keyword == T_OPTION || r->keyword == T_OP ||
                 r->keyword == T_PHASE || r->keyword == T_PATTERN || r->keyword == T_CONDITION;
    for (const char *c = r->at; names; c++) {
        c += strspn(c, blanks);
        size_t n = strspn(c, letters);
        hide(p, c, n);
        c += n;
        c += strspn(c, blanks);
        names = r->keyword == T_DTYPE && *c == ',';
    }
}

static bool expects(const yypcontext_t *ctx, yysymbol_kind_t symbol)
{
    yysymbol_kind_t all[YYNTOKENS];
    int n = yypcontext_expected_tokens(ctx, all, YYNTOKENS);
    bool found = false;
    for (int i = 0; i < n; i++)
        found |= all[i] == symbol;
    return found;
}

static char opening(char close)
{
    return close == ')' ? '(' : close == ']' ? '[' : '{';
}

/* What the author may have meant: = for ==, a bracket that is not closed where the declaration ends. */
static void hint(const yypcontext_t *ctx, pat_parser *p, const pat_reading *r)
{
    enum { MOST = sizeof r->open / sizeof *r->open };
    yysymbol_kind_t token = yypcontext_token(ctx);
    if (!strcmp(yysymbol_name(token), "'='") && expects(ctx, YYSYMBOL_T_EQ))
        pat_hint(p->session, "equality is '=='");
    const char *name = yysymbol_name(token); /* such as "'}'" */
    bool closes = strlen(name) == 3 && strchr(")]}", name[1]);
    const pat_span *last = r->n_open < MOST ? &r->open[r->n_open] : NULL; /* which that bracket was taken to close */
    if ((p->at_declaration || token == YYSYMBOL_YYEOF) && r->n_open && r->n_open <= MOST)
        pat_note(p->session, r->open[r->n_open - 1], "this is not closed");
    else if (closes && last && last->end && p->begin[last->begin] != opening(name[1]))
        pat_note(p->session, *last, "this is not closed");
}

/* "unexpected X, expected Y or Z": few alternatives are listed, many are not. */
static int yyreport_syntax_error(const yypcontext_t *ctx, pat_parser *p)
{
    enum { MANY = 8 };
    const pat_reading *within = p->at_declaration ? &p->before : &p->now;
    yysymbol_kind_t expected[MANY];
    char text[400];
    int n = expected_tokens(ctx, expected, MANY), k;
    yysymbol_kind_t token = yypcontext_token(ctx);
    p->recovering = !p->at_declaration; /* a declaration in the wrong place is itself where to go on */
    hide_names(p, within);
    const pat_span *at = yypcontext_location(ctx);
    if (token == YYSYMBOL_T_NAME && at->begin && p->begin[at->begin - 1] == '\n') /* a declaration without its word */
        hide(p, p->begin + at->begin, at->end - at->begin);
    if (p->scanner_spoke) {
        p->scanner_spoke = false;
        return 0;
    }
    k = append_symbol(text, sizeof text, "unexpected ", token);
    for (int i = 0; i < n && k < (int)sizeof text; i++)
        k += append_symbol(text + k, sizeof text - (size_t)k, i ? " or " : ", expected ", expected[i]);
    say(p, *yypcontext_location(ctx), E_SYNTAX, text);
    hint(ctx, p, within);
    return 0;
}

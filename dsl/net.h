/* A discrimination net (McCune 1992): finds the left sides that may match together with a given one without looking
 * at all of them. What it finds is a guess that the caller checks; it leaves out what cannot match. */
#ifndef PAT_NET_H
#define PAT_NET_H

#include "whole.h"

/* What stands at one place of a left side, and how many places belong to it as arguments. */
typedef struct net_key { const void *what; uint32_t arity; } net_key;

/* A node of a left side, with all that stands above it. */
typedef struct net_entry {
    const w_case *c;
    x_node *at;
    net_key *keys;
    uint32_t n_keys, stamp; /* of the search that has answered it */
} net_entry;

typedef struct net { pat_session *s; struct net_node *root; uint32_t now; } net;

net net_open(pat_session *s);
void net_add(net *t, const w_case *c, x_node *at);

/* Calls `found` once with each entry that may match
 *  - general: wherever `node` does, for what stands above `node` alone;
 *  - otherwise: somewhere where `node` does. */
typedef void net_found(void *of, const net_entry *e, x_node *node);
void net_search(net *t, x_node *node, bool general, net_found *found, void *of);

/* The literal that an attribute must be; NULL: what it must be is not known from the text. */
const pat_expr *net_literal(const x_attr *a);

#endif

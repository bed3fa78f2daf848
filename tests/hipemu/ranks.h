/* The tests of sums over ranks, in processes of their own. */
#ifndef HIPEMU_RANKS_H
#define HIPEMU_RANKS_H

int ranks_failures(int *n_checks); /* what failed; adds the number of checks */

#endif

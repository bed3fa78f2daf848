# Rules for tests of soundness: over integers, so that both sides agree in every bit, and of every form that a
# rule can have. Random graphs are fused with random sets of them.
use "../../patterns/ops.pat"

phase first
phase second

# ---- what the right sides build; the test has their kernels ----
op mul_add(a: I[*A], b: I[*A], c: I[*A]) -> I[*A]
op sum_diff(a: I[*A], b: I[*A]) -> (sum: I[*A], diff: I[*A])
op add_mul(a: I[*A], b: I[*A], c: I[*A]) -> (y: I[*A], sum: I[*A])
op neg_sum(a: I[*A], b: I[*A]) -> I[*A]
# A buffer that is written: the sum of what it holds and x, and its next version.
op store(x: I[*A], inout buffer: I[*A]) -> I[*A]
op store_two(x: I[*A], y: I[*A], inout buffer: I[*A]) -> I[*A]
# The buffer before, and its next version.
op exchange(x: I[*A], inout buffer: I[*A]) -> (before: I[*A], I[*A])
op observe(x: I[*A]) -> I[0] effect
op all_reduce(x: F[*A]; group: string) -> F[*A]
op attention(x: F[*A]; layer: string) -> F[*A]
op norm(x: F[*A, H], w: F[H]; eps: float) -> F[*A, H]
op reduced_norm(x: F[*A, H], w: F[H]; group: string, eps: float) -> F[*A, H]

kernel add          { ref }
kernel sub          { ref }
kernel mul          { ref }
kernel neg          { ref }
kernel abs          { ref }
kernel minimum      { ref }
kernel maximum      { ref }
kernel reshape      { ref }
kernel transpose    { ref }
kernel concat       { ref }
kernel split        { ref }
kernel slice        { ref }
kernel expand       { ref }
kernel mul_add      { ref when dtype(a) == i64 }  # not for i32: matches that no kernel covers
kernel sum_diff     { ref }
kernel add_mul      { ref }
kernel neg_sum      { ref }
kernel store        { ref }
kernel store_two    { ref }
kernel exchange     { ref }
kernel observe      { ref }
kernel reduced_norm { ref when H <= 4096 }

# ---- one node, chains, shapes ----
rule neg_neg in first {
  match   { y = neg(neg(x)) }
  replace { y = x }
}
rule inner_neg in first {
  match   { r = neg(x)
            y = neg(r) }
  replace { r = r
            y = x }
}
rule double in first {
  match   { y = mul(x, 2.0) }
  where   shape(y) == shape(x)
  replace { y = add(x, x) }
}
rule abs_abs in first {
  match   { r = abs(x)
            y = abs(r) }
  replace { r = r
            y = r }
}
rule reshape_twice in first {
  match   { r = reshape(x; shape = _)
            y = reshape(r; shape = _) }
  replace { r = r
            y = reshape(x; shape(y)) }
}
rule reshape_nothing in first {
  match   { y = reshape(x; shape = _) }
  where   shape(y) == shape(x)
  replace { y = x }
}
rule transpose_twice in second {
  match   { r = transpose(x; perm = p)
            y = transpose(r; perm = q) }
  replace { r = r
            y = transpose(x; compose(p, q)) }
}
rule transpose_nothing in second {
  match   { y = transpose(x; perm = p) }
  where   identity(p)
  replace { y = x }
}

# ---- several results ----
rule split_and_joined in second {
  match   { a, b = split(x: I[*A, D]; sizes = [N, M], axis = -1)
            y = concat(a, b; -1) }
  where   N + M == D
  replace { y = x }
}
rule joined_and_split in first {
  match   { x = concat(a: I[*A, N], b: I[*A, M]; axis = -1)
            c, d = split(x; sizes = [N, M], axis = -1)
            yield c, d }
  replace { c = a
            d = b }
}
rule part_of_joined in first {
  match   { y = slice(concat(a: I[*A, N], b: I[*A, M]; -1); [-1], starts = [0], ends = [N], steps = [1]) }
  replace { y = a }
}
rule sum_and_product in second {
  match   { sum = add(a: I[*A], b: I[*A])
            y = mul(sum, c: I[*A])
            yield y, sum }
  replace { y, sum = add_mul(a, b, c) }
}
rule sum_and_difference in first {
  match   { sum = add(a: I[*A], b: I[*A])
            diff = sub(a, b)
            yield sum, diff }
  replace { sum, diff = sum_diff(a, b) }
}

rule neg_of_sum in second {
  match   { y = neg(sum_diff(a: I[*A], b: I[*A])) }
  replace { y = neg_sum(a, b) }
}

# ---- commutative operands, repeated names, trees ----
rule mul_then_add in second {
  match   { y = add(mul(a: I[*A], b: I[*A]), c: I[*A]) }
  replace { y = mul_add(a, b, c) }
}
rule sum_of_negs in second {
  match   { y = add(neg(a: I[*A]), neg(b: I[*A])) }
  replace { y = neg_sum(a, b) }
}
pattern doubled(x) = add(x, x) | mul(x, 2.0)
rule neg_doubled in second {
  match   { y = neg(doubled(x: I[*A])) }
  where   shape(y) == shape(x)
  replace { y = neg_sum(x, x) }
}
rule larger_of_both in first {
  match   { y = maximum(minimum(a: I[*A], b: I[*A]), maximum(a, b)) }
  replace { y = maximum(a, b) }
}
rule twice_the_larger in second {
  match   { y = add(minimum(a: I[*A], b: I[*A]), maximum(a, b)) }
  replace { y = add(a, b) }
}
rule common_factor in first {
  match   { y = add(mul(a: I[*A], b: I[*A]), mul(a, c: I[*A])) }
  replace { y = mul(a, add(b, c)) }
}
rule difference_of_sums in second {
  match   { y = sub(add(a: I[*A], b: I[*A]), add(a, c: I[*A])) }
  replace { y = sub(b, c) }
}

# ---- buffers ----
rule two_stores in first {
  match   { y = store(b: I[*A], store(a: I[*A], buffer: I[*A])) }
  replace { y = store_two(a, b, buffer) }
}
rule stored_sum in second {
  match   { y = store(add(a: I[*A], b: I[*A]), buffer: I[*A]) }
  replace { y = store_two(a, b, buffer) }
}

# ---- what a serving engine cuts into pieces ----
rule reduce_and_norm in first {
  match   { y = norm(all_reduce(x: F[*A, H]; group), w: F[H]; eps) }
  replace { y = reduced_norm(x, w; group, eps) }
}

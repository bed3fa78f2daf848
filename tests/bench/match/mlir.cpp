// MLIR 19 on the same stack: patterns in PDLL or C++, under the greedy driver or one walk over all ops.
//
// Usage: mlir LAYERS RUNS IRREGULAR pdl|cpp greedy|walk PATTERNS.mlir [EXTRA FAMILY]
//
// The ops are a small registered dialect, all pure, with one tensor type and no attributes. Every pattern checks
// that what it removes has one use. The greedy driver walks top down, since bottom up norm_quant would come
// before ar_add_norm.
#include "mlir/Conversion/PDLToPDLInterp/PDLToPDLInterp.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/PDL/IR/PDL.h"
#include "mlir/Dialect/PDLInterp/IR/PDLInterp.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Rewrite/FrozenRewritePatternSet.h"
#include "mlir/Rewrite/PatternApplicator.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/Support/MemoryBuffer.h"
#include <malloc.h>
#include <string>
#include <vector>

#include "decoder.h"

using namespace mlir;

// ---------------------------------------------------------------- the dialect --

template <unsigned N> struct Operands { template <typename T> using Impl = typename OpTrait::NOperands<N>::template Impl<T>; };
template <> struct Operands<1> { template <typename T> using Impl = OpTrait::OneOperand<T>; };
template <unsigned N> struct Results { template <typename T> using Impl = typename OpTrait::NResults<N>::template Impl<T>; };
template <> struct Results<1> { template <typename T> using Impl = OpTrait::OneResult<T>; };

template <typename Self, unsigned In, unsigned Out>
class LlmOp : public Op<Self, OpTrait::ZeroRegions, OpTrait::ZeroSuccessors, Operands<In>::template Impl,
                        Results<Out>::template Impl, MemoryEffectOpInterface::Trait, ConditionallySpeculatable::Trait,
                        OpTrait::AlwaysSpeculatableImplTrait> {
public:
  using Base = Op<Self, OpTrait::ZeroRegions, OpTrait::ZeroSuccessors, Operands<In>::template Impl,
                  Results<Out>::template Impl, MemoryEffectOpInterface::Trait, ConditionallySpeculatable::Trait,
                  OpTrait::AlwaysSpeculatableImplTrait>;
  using Base::Base;
  static ArrayRef<StringRef> getAttributeNames() { return {}; }
  void getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &) {}
};

#define LLM_OPS(X) \
  X(allreduce, 1, 1) X(add, 2, 1) X(rms_norm, 2, 1) X(quant, 2, 1) X(matmul, 2, 1) X(split3, 1, 3) X(split2, 1, 2) \
  X(heads, 1, 1) X(rope, 4, 2) X(kv_update, 4, 1) X(attention, 2, 1) X(reshape, 1, 1) X(silu, 1, 1) X(mul, 2, 1) \
  X(ar_add_norm, 3, 2) X(norm_quant, 3, 1) X(qk_norm_rope_kv, 7, 2) X(silu_mul_quant, 3, 1)

#define X(name, in, out) \
  struct Llm_##name : LlmOp<Llm_##name, in, out> { \
    MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(Llm_##name) \
    using LlmOp<Llm_##name, in, out>::LlmOp; \
    static constexpr StringLiteral getOperationName() { return StringLiteral("llm." #name); } \
  };
LLM_OPS(X)
#undef X

struct LlmDialect : Dialect {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LlmDialect)
  static constexpr StringLiteral getDialectNamespace() { return StringLiteral("llm"); }
  explicit LlmDialect(MLIRContext *c) : Dialect(getDialectNamespace(), c, TypeID::get<LlmDialect>()) {
#define X(name, in, out) addOperations<Llm_##name>();
    LLM_OPS(X)
#undef X
    allowUnknownOperations(); // the ops of patterns that never match stay unregistered
  }
};

struct Names {
  std::vector<OperationName> at; // in the order of decoder_op, from 1
  explicit Names(MLIRContext *c) {
    at.emplace_back("llm.none", c);
#define X(name, n) at.emplace_back("llm." #name, c);
    DECODER_OPS(X)
#undef X
  }
  OperationName operator[](int op) const { return at[op]; }
};

// ------------------------------------------------------------------- the graph --

struct Build { OpBuilder *b; const Names *names; Type type; Block *body; std::vector<Value> results; };

static void addOp(void *to, int op, uint32_t n, const uint32_t *in, uint32_t nOut) {
  Build &b = *static_cast<Build *>(to);
  OperationState state(b.b->getUnknownLoc(), (*b.names)[op]);
  for (uint32_t i = 0; i < n; i++)
    state.operands.push_back(in[i] & D_ARG ? Value(b.body->getArgument(in[i] & ~D_ARG)) : b.results[in[i]]);
  state.types.assign(nOut, b.type);
  for (Value v : b.b->create(state)->getResults())
    b.results.push_back(v);
}

static OwningOpRef<ModuleOp> buildModule(MLIRContext *c, const Names &names, uint32_t layers, bool irregular,
                                         decoder_counts &counts) {
  OpBuilder builder(c);
  Location loc = builder.getUnknownLoc();
  Type t = RankedTensorType::get({ShapedType::kDynamic, 5120}, builder.getBF16Type());
  auto module = ModuleOp::create(loc);
  builder.setInsertionPointToEnd(module.getBody());
  std::vector<Type> args(decoder_n_args(layers), t);
  auto fn = builder.create<func::FuncOp>(loc, "main", builder.getFunctionType(args, TypeRange{t, t}));
  Build b{&builder, &names, t, fn.addEntryBlock(), {}};
  builder.setInsertionPointToEnd(b.body);
  uint32_t out[2];
  counts = decoder_build(&b, addOp, layers, irregular, out);
  builder.create<func::ReturnOp>(loc, ValueRange{b.results[out[0]], b.results[out[1]]});
  return module;
}

static uint64_t print(Block &body, const Names &names, uint32_t &left) {
  DenseMap<Value, uint64_t> prints;
  uint64_t sum = 0;
  left = 0;
  for (BlockArgument a : body.getArguments())
    prints[a] = print_arg(a.getArgNumber());
  for (Operation &op : body) {
    std::vector<uint64_t> in;
    for (Value v : op.getOperands())
      in.push_back(prints[v]);
    auto at = std::find(names.at.begin(), names.at.end(), op.getName());
    uint64_t p = print_node(int(at - names.at.begin()), uint32_t(in.size()), in.data()); // return: one past the last
    for (OpResult r : op.getResults())
      prints[r] = print_result(p, r.getResultNumber());
    left += at != names.at.end();
    sum += p;
  }
  return sum;
}

// -------------------------------------------------------- patterns written in C++ --

static Operation *def(Value v, OperationName name) {
  Operation *d = v.getDefiningOp();
  return d && d->getName() == name ? d : nullptr;
}
// The same, when this use is the only one.
static Operation *own(Value v, OperationName name) { return v.hasOneUse() ? def(v, name) : nullptr; }

struct LlmPattern : RewritePattern {
  const Names &n;
  LlmPattern(const Names &n, int root, PatternBenefit benefit, MLIRContext *c)
      : RewritePattern(n[root].getStringRef(), benefit, c), n(n) {}
  Operation *make(PatternRewriter &rw, Operation *at, int op, ValueRange in, TypeRange types) const {
    return rw.create(OperationState(at->getLoc(), n[op], in, types));
  }
};

struct ArAddNorm : LlmPattern {
  ArAddNorm(const Names &n, MLIRContext *c) : LlmPattern(n, D_rms_norm, 10, c) {}
  LogicalResult matchAndRewrite(Operation *y, PatternRewriter &rw) const override {
    Operation *sum = def(y->getOperand(0), n[D_add]);
    Operation *reduce = sum ? own(sum->getOperand(0), n[D_allreduce]) : nullptr;
    if (!reduce)
      return failure();
    Operation *f = make(rw, y, D_ar_add_norm, {reduce->getOperand(0), sum->getOperand(1), y->getOperand(1)},
                        {y->getResult(0).getType(), sum->getResult(0).getType()});
    rw.replaceOp(y, f->getResult(0));
    rw.replaceOp(sum, f->getResult(1));
    rw.eraseOp(reduce);
    return success();
  }
};

struct NormQuant : LlmPattern {
  NormQuant(const Names &n, MLIRContext *c) : LlmPattern(n, D_quant, 5, c) {}
  LogicalResult matchAndRewrite(Operation *y, PatternRewriter &rw) const override {
    Operation *norm = own(y->getOperand(0), n[D_rms_norm]);
    if (!norm)
      return failure();
    Operation *f = make(rw, y, D_norm_quant, {norm->getOperand(0), norm->getOperand(1), y->getOperand(1)},
                        y->getResultTypes());
    rw.replaceOp(y, f->getResults());
    rw.eraseOp(norm);
    return success();
  }
};

struct QkNormRopeKv : LlmPattern {
  QkNormRopeKv(const Names &n, MLIRContext *c) : LlmPattern(n, D_kv_update, 8, c) {}
  LogicalResult matchAndRewrite(Operation *cache, PatternRewriter &rw) const override {
    Value k2 = cache->getOperand(0), v = cache->getOperand(1);
    Operation *rope = own(k2, n[D_rope]);
    if (!rope || k2 != rope->getResult(1))
      return failure();
    Operation *q1 = own(rope->getOperand(0), n[D_rms_norm]), *k1 = own(rope->getOperand(1), n[D_rms_norm]);
    if (!q1 || !k1)
      return failure();
    Operation *q0 = own(q1->getOperand(0), n[D_heads]), *k0 = own(k1->getOperand(0), n[D_heads]);
    if (!q0 || !k0)
      return failure();
    Operation *parts = own(q0->getOperand(0), n[D_split3]);
    if (!parts || q0->getOperand(0) != parts->getResult(0) || k0->getOperand(0) != parts->getResult(1) ||
        v != parts->getResult(2) || !parts->getResult(1).hasOneUse() || !parts->getResult(2).hasOneUse())
      return failure();
    Operation *f = make(rw, cache, D_qk_norm_rope_kv,
                        {parts->getOperand(0), q1->getOperand(1), k1->getOperand(1), rope->getOperand(2),
                         rope->getOperand(3), cache->getOperand(2), cache->getOperand(3)},
                        {rope->getResult(0).getType(), cache->getResult(0).getType()});
    rw.replaceOp(cache, f->getResult(1));
    rw.replaceOp(rope, {f->getResult(0), f->getResult(0)});
    for (Operation *dead : {q1, k1, q0, k0, parts})
      rw.eraseOp(dead);
    return success();
  }
};

struct SiluMulQuant : LlmPattern {
  SiluMulQuant(const Names &n, MLIRContext *c) : LlmPattern(n, D_quant, 5, c) {}
  LogicalResult matchAndRewrite(Operation *y, PatternRewriter &rw) const override {
    Operation *mul = own(y->getOperand(0), n[D_mul]);
    Operation *silu = mul ? own(mul->getOperand(0), n[D_silu]) : nullptr;
    if (!silu)
      return failure();
    Operation *f = make(rw, y, D_silu_mul_quant, {silu->getOperand(0), mul->getOperand(1), y->getOperand(1)},
                        y->getResultTypes());
    rw.replaceOp(y, f->getResults());
    rw.eraseOp(mul);
    rw.eraseOp(silu);
    return success();
  }
};

struct FoldReshape : LlmPattern {
  FoldReshape(const Names &n, MLIRContext *c) : LlmPattern(n, D_reshape, 1, c) {}
  LogicalResult matchAndRewrite(Operation *second, PatternRewriter &rw) const override {
    Operation *first = own(second->getOperand(0), n[D_reshape]);
    if (!first)
      return failure();
    Operation *f = make(rw, second, D_reshape, first->getOperand(0), second->getResultTypes());
    rw.replaceOp(second, f->getResults());
    rw.eraseOp(first);
    return success();
  }
};

// ------------------------------------------------------- patterns that never match --
// Families as in rules.py: 1 one root, other producers; 2 spread over eight roots; 3 roots that the graph lacks;
// 4 two levels under matmul.

static const int spread[8] = {D_rms_norm, D_matmul, D_add, D_quant, D_mul, D_silu, D_heads, D_reshape};
static bool binary(int op) { return op != D_silu && op != D_heads && op != D_reshape; }

static std::string extraPdl(const Names &n, int count, int family) {
  std::string s;
  for (int i = 0; i < count; i++) {
    std::string id = std::to_string(i), never = "\"llm.never_" + id + "\"";
    int root = family == 1 ? D_rms_norm : family == 2 ? spread[i % 8] : D_matmul;
    std::string rootName = "\"" + n[root].getStringRef().str() + "\"";
    s += "pdl.pattern @x" + id + " : benefit(1) {\n %t = type\n %a = operand\n";
    std::string make = "(%a : !pdl.value) -> (%t : !pdl.type)\n";
    if (family == 3)
      s += " %w = operand\n %d = operation \"llm.rms_norm\"(%a, %w : !pdl.value, !pdl.value) -> (%t : !pdl.type)\n"
           " %r = result 0 of %d\n %u = type\n %root = operation " + never + "(%r : !pdl.value) -> (%u : !pdl.type)\n";
    else
      s += " %d = operation " + never + make + " %r = result 0 of %d\n %u = type\n";
    if (family == 4)
      s += " %z = operand\n %v = type\n %q = operation \"llm.quant\"(%r, %z : !pdl.value, !pdl.value) -> (%v : !pdl.type)\n"
           " %p = result 0 of %q\n";
    if (family != 3) {
      std::string in = family == 4 ? "%p" : "%r";
      s += binary(root) ? " %w = operand\n %root = operation " + rootName + "(" + in + ", %w : !pdl.value, !pdl.value)"
                        : " %root = operation " + rootName + "(" + in + " : !pdl.value)";
      s += " -> (%u : !pdl.type)\n";
    }
    s += " rewrite %root {\n  %n = operation \"llm.other_" + id + "\"(%a : !pdl.value) -> (%u : !pdl.type)\n"
         "  replace %root with %n\n }\n}\n";
  }
  return s;
}

struct Extra : RewritePattern {
  OperationName never, between, other;
  bool deep;
  Extra(StringRef root, OperationName never, OperationName between, OperationName other, bool deep, MLIRContext *c)
      : RewritePattern(root, 1, c), never(never), between(between), other(other), deep(deep) {}
  LogicalResult matchAndRewrite(Operation *op, PatternRewriter &rw) const override {
    Operation *d = op->getOperand(0).getDefiningOp();
    if (deep)
      d = d && d->getName() == between ? d->getOperand(0).getDefiningOp() : nullptr;
    if (!d || d->getName() != never)
      return failure();
    rw.replaceOp(op, rw.create(OperationState(op->getLoc(), other, {d->getOperand(0)}, op->getResultTypes())));
    return success();
  }
};

static void addExtra(RewritePatternSet &set, const Names &n, int count, int family, MLIRContext *c) {
  for (int i = 0; i < count; i++) {
    std::string id = std::to_string(i);
    OperationName never("llm.never_" + id, c), other("llm.other_" + id, c);
    std::string root = family == 3 ? "llm.never_" + id
                                   : n[family == 1 ? D_rms_norm : family == 2 ? spread[i % 8] : D_matmul].getStringRef().str();
    set.add(std::make_unique<Extra>(root, family == 3 ? n[D_rms_norm] : never, n[D_quant], other, family == 4, c));
  }
}

// ------------------------------------------------------------------------ drivers --

static FrozenRewritePatternSet compile(MLIRContext *c, const Names &n, bool pdl, const char *path, int extra, int family) {
  RewritePatternSet set(c);
  if (!pdl) {
    set.add(std::make_unique<ArAddNorm>(n, c));
    set.add(std::make_unique<NormQuant>(n, c));
    set.add(std::make_unique<QkNormRopeKv>(n, c));
    set.add(std::make_unique<SiluMulQuant>(n, c));
    set.add(std::make_unique<FoldReshape>(n, c));
    addExtra(set, n, extra, family, c);
    return FrozenRewritePatternSet(std::move(set));
  }
  auto text = llvm::MemoryBuffer::getFile(path);
  OwningOpRef<ModuleOp> module = text ? parseSourceString<ModuleOp>((*text)->getBuffer(), c) : nullptr;
  if (!module) {
    fprintf(stderr, "mlir: cannot read %s\n", path);
    exit(1);
  }
  PDLPatternModule patterns(std::move(module));
  if (extra)
    patterns.mergeIn(PDLPatternModule(parseSourceString<ModuleOp>(extraPdl(n, extra, family), c)));
  patterns.registerConstraintFunction("HasOneUse", [](PatternRewriter &, Value v) { return success(v.hasOneUse()); });
  set.getPDLPatterns().mergeIn(std::move(patterns));
  return FrozenRewritePatternSet(std::move(set));
}

// What later versions of MLIR call walkAndApplyPatterns: every op once, in order.
static void walk(Block &body, const FrozenRewritePatternSet &patterns, MLIRContext *c) {
  PatternApplicator applicator(patterns);
  applicator.applyDefaultCostModel();
  PatternRewriter rw(c);
  for (Operation *op = &body.front(), *next; op; op = next) {
    next = op->getNextNode(); // a root is the last op of its match
    rw.setInsertionPoint(op);
    (void)applicator.matchAndRewrite(op, rw);
  }
}

static size_t heap() {
  struct mallinfo2 m = mallinfo2();
  return m.uordblks + m.hblkhd;
}

int main(int argc, char **argv) {
  if (argc < 7)
    return 2;
  uint32_t layers = uint32_t(atoi(argv[1])), runs = uint32_t(atoi(argv[2])), left = 0;
  bool irregular = atoi(argv[3]), pdl = !strcmp(argv[4], "pdl"), greedy = !strcmp(argv[5], "greedy");
  int extra = argc > 8 ? atoi(argv[7]) : 0, family = argc > 8 ? atoi(argv[8]) : 1;
  DialectRegistry registry;
  registry.insert<func::FuncDialect, pdl::PDLDialect, pdl_interp::PDLInterpDialect, LlmDialect>();
  MLIRContext c(registry, MLIRContext::Threading::DISABLED);
  c.allowUnregisteredDialects(true);
  c.loadAllAvailableDialects();
  Names names(&c);
  double start = bench_now();
  FrozenRewritePatternSet patterns = compile(&c, names, pdl, argv[6], extra, family);
  double compiling = bench_now() - start;
  GreedyRewriteConfig config;
  config.useTopDownTraversal = true;
  std::vector<double> seconds, building;
  decoder_counts counts;
  uint64_t p = 0;
  double bytes = 0;
  for (uint32_t r = 0; r < runs; r++) {
    size_t empty = heap();
    start = bench_now();
    OwningOpRef<ModuleOp> m = buildModule(&c, names, layers, irregular, counts);
    building.push_back(bench_now() - start);
    if (!r)
      bytes = double(heap() - empty) / counts.ops;
    func::FuncOp fn = *m->getOps<func::FuncOp>().begin();
    start = bench_now();
    if (greedy)
      (void)applyPatternsAndFoldGreedily(fn, patterns, config);
    else
      walk(fn.getBody().front(), patterns, &c);
    seconds.push_back(bench_now() - start);
    if (!r) {
      p = print(fn.getBody().front(), names, left);
      if (failed(verify(*m)) || left != decoder_left(&counts)) {
        fprintf(stderr, "mlir: %u ops left, %u expected\n", left, decoder_left(&counts));
        return 1;
      }
    }
  }
  std::string who = std::string("MLIR 19, ") + (pdl ? "PDLL, " : "C++, ") + (greedy ? "greedy" : "one walk");
  bench_report(who.c_str(), layers, irregular, counts.ops, seconds.data(), runs, left, p, bytes);
  bench_report("MLIR 19, building", layers, irregular, counts.ops, building.data(), runs, left, p, bytes);
  printf("{\"who\": \"%s, compiling\", \"layers\": %u, \"ms\": %.3f}\n", who.c_str(), layers, compiling * 1e3);
  return 0;
}

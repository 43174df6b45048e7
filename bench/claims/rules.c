/* rules.c -- how each claim of the ledger is put to a machine: what is bound, what is computed, what confirms
 * it and what refutes it. The thresholds are those of the ledger's `measure`; where a claim asks for more
 * than a rule can bind, the rule answers for the part named in its comment. */
#include "bench/claims/claims.h"

#include <math.h>

#define AT_LEAST(name, lo) \
    { \
        name, lo, NAN, NULL, NULL, NULL \
    }
#define AT_MOST(name, hi) \
    { \
        name, NAN, hi, NULL, NULL, NULL \
    }
#define IN(name, lo, hi) \
    { \
        name, lo, hi, NULL, NULL, NULL \
    }
#define IS(name, word) \
    { \
        name, NAN, NAN, word, NULL, NULL \
    }
#define IN_UNLESS(name, lo, hi, other, word) \
    { \
        name, lo, hi, NULL, other, word \
    }
#define BOUND(name, spec) \
    { \
        name, BIND_BOUND, spec, NULL \
    }
#define TIME(name, spec) \
    { \
        name, BIND_TIME, spec, NULL \
    }
#define READ_BW \
    { \
        "BW", BIND_CEIL_BW, "DRAM/read", NULL \
    }
#define PEAK_F32 \
    { \
        "R", BIND_CEIL_FLOPS, "f32", NULL \
    }

#define GEMM4096                   "gemm:m=4096,n=4096,k=4096,dtype=f32"
#define GEMV                       "gemv:m=8192,k=8192,dtype=f32"
#define RELU                       "act:rows=16384,c=4096,kind=relu,dtype=f32"
#define RESNET(b)                  "resnet50:batch=" #b ",dtype=f32"
#define DECODE(s, t)               "gpt2:size=" #s ",batch=1,tokens=1,past=128,dtype=" #t
#define PAST(p)                    "gpt2:size=medium,batch=1,tokens=1,past=" #p ",dtype=f32"
#define BERT(t)                    "bert:size=base,batch=1,tokens=128,dtype=" #t
#define LAYER(b)                   "batchmm:batch=" #b ",n=4096,k=4096,dtype=f32"
#define ATTN(n)                    "attention:batch=1,heads=12,dh=64,tokens=" #n ",past=0,dtype=f32"
#define CHAIN(size, k, how)        "chain:n={" #size "},k=" #k ",fuse=" #how ",dtype=f32"
#define NORMCHAIN(rows, drop, how) "normchain:rows=" #rows ",c=1024,fuse=" #how ",drop=" #drop ",dtype=f32"
#define FUSION(name, of, size, with) \
    { \
        name, of(size, with, unfused), of(size, with, fused) \
    }
#define CONV(c, h) "conv:n=1,h=" #h ",w=" #h ",c=" #c ",k=" #c ",r=3,s=3,stride=1,pad=1,groups=1,dtype=f32"

#define NO_LINK    "needs a discrete device behind a host link, and a copy workload over it"
#define NO_VARIANT "needs a twin run that changes the compute rate alone"
#define NO_ENERGY  "needs an energy counter (RAPL or NVML) read on every row"
#define UNTILED    "the untiled kernel here waits for its arithmetic, not for the traffic that tiling saves"
#define NO_GRAPH   "needs the same step as separate launches and as one graph"

const claim_rule claim_rules[] = {
    /* ---- roofline ---- */
    {.id = "ridge-a100-f16",
     .only_on = "A100",
     .bind = {{"R16", BIND_CEIL_FLOPS, "f16", NULL}, READ_BW},
     .formula = "ridge = R16/BW",
     .confirm = {IN("ridge", 0.85 * 153, 1.15 * 153)},
     .refute = {AT_MOST("ridge", 0.85 * 153), AT_LEAST("ridge", 1.15 * 153)},
     .shown = {"ridge"}},
    {.id = "gemm-4096-intensity-f16",
     .bind = {BOUND("bound", GEMM4096), {"mfu", BIND_MFU, GEMM4096, NULL}},
     .confirm = {IS("bound", "compute")},
     .refute = {IS("bound", "memory"), AT_MOST("mfu", 0.5)},
     .shown = {"bound", "mfu"}},
    {.id = "relu-f16-share-a100",
     .bind = {TIME("T", RELU),
              {"O", BIND_FLOPS, RELU, NULL},
              {"D", BIND_BYTES, RELU, NULL},
              PEAK_F32,
              {"BW", BIND_CEIL_BW, "DRAM/copy", NULL}},
     .formula = "mbu = D/T/BW; share = O/T/R; cap = 1.25*O/D*BW/R; over = share/cap",
     .confirm = {AT_LEAST("mbu", 0.8), AT_MOST("over", 1)},
     .refute = {AT_MOST("mbu", 0.6), AT_LEAST("share", 0.05)},
     .shown = {"mbu", "share"}},
    {.id = "gemv-intensity-f32",
     .bind = {{"rate", BIND_BYTES_S, GEMV, NULL},
              READ_BW,
              BOUND("bound", GEMV),
              {"I", BIND_INTENSITY, GEMV, NULL}},
     .formula = "share = rate/BW",
     .confirm = {IS("bound", "memory"), AT_LEAST("share", 0.85)},
     .refute = {IS("bound", "compute|latency|cache"), AT_MOST("share", 0.6)},
     .shown = {"share", "bound", "I"}},
    /* The knee: does flop/s still grow from I = 2 (batch 4) to I = 7.9 (batch 16)? */
    {.id = "intensity-above-one-compute-bound",
     .bind = {{"F4", BIND_FLOPS_S, LAYER(4), NULL}, {"F16", BIND_FLOPS_S, LAYER(16), NULL}},
     .formula = "growth = F16/F4",
     .confirm = {AT_MOST("growth", 1.05)},
     .refute = {AT_LEAST("growth", 1.2)},
     .shown = {"growth"}},
    {.id = "qkv-projection-intensity",
     .bind = {BOUND("prefill", "gemm:m=1024,n=2304,k=768,dtype=f32"),
              BOUND("decode", "gemm:m=1,n=2304,k=768,dtype=f32")},
     .confirm = {IS("prefill", "memory")},
     .refute = {IS("prefill", "compute")},
     .shown = {"prefill", "decode"}},
    {.id = "zero-gain-when-memory-bound", .untestable = NO_VARIANT},
    /* ---- batch ---- */
    /* Crossover: the batch at which 256 rows' time per row reaches the time of one row's weights. */
    {.id = "fc-crossover-batch",
     .bind = {TIME("T1", LAYER(1)), TIME("T256", LAYER(256)), PEAK_F32, READ_BW},
     .formula = "B = T1*256/T256; I = R/BW; B_star = (I*4/2)/(1 - I*4/4096); ratio = B/B_star",
     .confirm = {IN("ratio", 1 / 1.5, 1.5)},
     .refute = {AT_MOST("ratio", 1 / 1.5), AT_LEAST("ratio", 1.5)},
     .shown = {"B", "B_star", "ratio"}},
    {.id = "resnet50-b1-a100-terms",
     .bind = {BOUND("bound", RESNET(1)), {"mbu", BIND_MBU, RESNET(1), NULL}},
     .confirm = {IS("bound", "memory")},
     .refute = {IS("bound", "compute|latency")},
     .shown = {"bound", "mbu"}},
    {.id = "resnet50-b1-a100-mac-rule",
     .bind = {{"O", BIND_FLOPS, RESNET(1), NULL},
              {"W", BIND_WEIGHTS_B, RESNET(1), NULL},
              {"D", BIND_BYTES, RESNET(1), NULL},
              {"U", BIND_UNFUSED_B, RESNET(1), NULL},
              PEAK_F32,
              READ_BW,
              {"eta", BIND_ETA, NULL, NULL},
              BOUND("measured", RESNET(1))},
     .formula = "t = O/(R*eta); weights = class_of(W/BW, t, 0); compulsory = class_of(D/BW, t, 0); unfused = "
                "class_of(U/BW, t, 0)",
     .confirm = {IS("weights", "memory"), IS("compulsory", "memory"), IS("unfused", "memory"),
                 IS("measured", "memory")},
     .refute = {IS("weights", "compute"), IS("compulsory", "compute"), IS("unfused", "compute"),
                IS("measured", "compute|latency")},
     .shown = {"weights", "compulsory", "unfused", "measured"}},
    {.id = "resnet50-b1-sixfold-gap",
     .bind = {{"O", BIND_FLOPS, RESNET(1), NULL}, {"D", BIND_BYTES, RESNET(1), NULL}, PEAK_F32, READ_BW},
     .formula = "ratio = (D/BW)/(O/R)",
     .confirm = {AT_LEAST("ratio", 4)},
     .refute = {AT_MOST("ratio", 2)},
     .shown = {"ratio"}},
    /* One mode only: the CPU runs the step as one call; a refutation in it is enough. */
    {.id = "resnet50-b1-three-way",
     .bind = {BOUND("bound", RESNET(1)),
              {"data", BIND_SHARE_DATA, RESNET(1), NULL},
              {"comp", BIND_SHARE_COMP, RESNET(1), NULL}},
     .confirm = {IS("bound", "memory"), AT_LEAST("data", 0.5)},
     .refute = {IS("bound", "compute|latency")},
     .shown = {"bound", "data", "comp"}},
    {.id = "resnet50-crossover-batch-64",
     .bind = {BOUND("b1", RESNET(1)), BOUND("b32", RESNET(32)), BOUND("b128", RESNET(128))},
     .confirm = {IS("b32", "memory"), IS("b128", "compute")},
     .refute = {IS("b1", "compute"), IS("b32", "compute"), IS("b128", "memory")},
     .shown = {"b1", "b32"}},
    {.id = "batch-1-almost-always-memory-bound",
     .bind = {BOUND("resnet50", RESNET(1)), BOUND("gpt2_small", DECODE(small, f32)),
              BOUND("gpt2_medium", DECODE(medium, f32)), BOUND("gpt2_large", DECODE(large, f32))},
     .confirm = {IS("resnet50", "memory"), IS("gpt2_small", "memory"), IS("gpt2_medium", "memory"),
                 IS("gpt2_large", "memory")},
     .refute = {IS("resnet50", "compute|latency|cache"), IS("gpt2_small", "compute|latency|cache"),
                IS("gpt2_medium", "compute|latency|cache"), IS("gpt2_large", "compute|latency|cache")},
     .shown = {"resnet50", "gpt2_small", "gpt2_medium", "gpt2_large"}},
    {.id = "bert-b1-a100",
     .bind = {BOUND("bound", BERT(f32)),
              {"mfu", BIND_MFU, BERT(f32), NULL},
              {"I", BIND_INTENSITY, BERT(f32), NULL}},
     .confirm = {IS("bound", "memory"), AT_MOST("mfu", 0.5)},
     .refute = {IS("bound", "compute|latency")},
     .shown = {"bound", "mfu", "I"}},
    {.id = "bert-b1-matched-dtype",
     .bind = {{"mfu", BIND_MFU, BERT(bf16), NULL},
              {"I", BIND_INTENSITY, BERT(bf16), NULL},
              {"ridge", BIND_RIDGE, BERT(bf16), NULL}},
     .formula = "share = min(1, I/ridge); ratio = mfu/share",
     .confirm = {IN("ratio", 0.75, 1.25)},
     .refute = {AT_MOST("ratio", 0.5)},
     .shown = {"mfu", "share", "ratio"}},
    {.id = "llm-7b-b1-a100-share",
     .bind = {{"mfu", BIND_MFU, DECODE(medium, f32), NULL},
              {"I", BIND_INTENSITY, DECODE(medium, f32), NULL},
              PEAK_F32,
              READ_BW},
     .formula = "ridge = R/BW; over = mfu/(I/ridge)",
     .confirm = {IN("mfu", 0.05, 0.1), AT_LEAST("ridge", 20)},
     .refute = {AT_MOST("over", 1.2)},
     .shown = {"mfu", "over", "ridge"}},
    /* Least squares on relative residuals over batch 1, 4, 8, 16, 32. */
    {.id = "v100-resnet50-affine",
     .bind = {TIME("t1", RESNET(1)), TIME("t2", RESNET(4)), TIME("t3", RESNET(8)), TIME("t4", RESNET(16)),
              TIME("t5", RESNET(32))},
     .formula =
         "w1 = 1/t1^2; w2 = 1/t2^2; w3 = 1/t3^2; w4 = 1/t4^2; w5 = 1/t5^2; S = w1 + w2 + w3 + w4 + w5; "
         "Sb = w1 + 4*w2 + 8*w3 + 16*w4 + 32*w5; Sbb = w1 + 16*w2 + 64*w3 + 256*w4 + 1024*w5; "
         "St = w1*t1 + w2*t2 + w3*t3 + w4*t4 + w5*t5; Sbt = w1*t1 + 4*w2*t2 + 8*w3*t3 + 16*w4*t4 + 32*w5*t5; "
         "slope = (S*Sbt - Sb*St)/(S*Sbb - Sb^2); intercept = (St - slope*Sb)/S; "
         "r1 = (intercept + slope)/t1 - 1; r2 = (intercept + 4*slope)/t2 - 1; r3 = (intercept + 8*slope)/t3 "
         "- 1; "
         "r4 = (intercept + 16*slope)/t4 - 1; r5 = (intercept + 32*slope)/t5 - 1; "
         "worst = max(r1, -r1, r2, -r2, r3, -r3, r4, -r4, r5, -r5)",
     .confirm = {AT_MOST("worst", 0.1)},
     .refute = {AT_LEAST("worst", 0.1)},
     .shown = {"intercept", "slope", "worst"}},
    {.id = "batch-32-same-latency",
     .only_on = CLAIM_A_GPU,
     .bind = {TIME("g1", LAYER(1)), TIME("g32", LAYER(32)),
              TIME("d1", "gpt2:size=small,batch=1,tokens=1,past=128,dtype=f32"),
              TIME("d32", "gpt2:size=small,batch=32,tokens=1,past=128,dtype=f32"), TIME("r1", RESNET(1)),
              TIME("r32", RESNET(32))},
     .formula = "gemm = g32/g1; gpt2 = d32/d1; resnet50 = r32/r1",
     .confirm = {AT_MOST("gemm", 1.2), AT_MOST("gpt2", 1.2)},
     .refute = {AT_LEAST("gemm", 1.5)},
     .shown = {"gemm", "gpt2", "resnet50"}},
    {.id = "wave-quantisation",
     .only_on = CLAIM_A_GPU,
     .bind = {TIME("t32", "gemm:m=32,n=4096,k=4096,dtype=f32"),
              TIME("t33", "gemm:m=33,n=4096,k=4096,dtype=f32")},
     .formula = "step = t33/t32",
     .confirm = {AT_LEAST("step", 1.5)},
     .refute = {AT_MOST("step", 1.1)},
     .shown = {"step"}},
    /* ---- decode ---- */
    {.id = "decode-intensity-f16",
     .bind = {BOUND("bound", DECODE(medium, bf16)),
              {"I", BIND_INTENSITY, DECODE(medium, bf16), NULL},
              {"mbu", BIND_MBU, DECODE(medium, bf16), NULL}},
     .confirm = {IS("bound", "memory"), IN("I", 0.9, 1.1)},
     .refute = {IS("bound", "latency|cache")},
     .shown = {"bound", "I", "mbu"}},
    {.id = "decode-7b-50gbps",
     .bind = {TIME("t4", DECODE(medium, f32)),
              TIME("t2", DECODE(medium, bf16)),
              TIME("t1", DECODE(medium, i8)),
              {"d4", BIND_BYTES, DECODE(medium, f32), NULL},
              {"d2", BIND_BYTES, DECODE(medium, bf16), NULL},
              {"d1", BIND_BYTES, DECODE(medium, i8), NULL}},
     .formula = "half = (t4/t2)/(d4/d2); quarter = (t4/t1)/(d4/d1)",
     .confirm = {IN("half", 0.85, 1.15), IN("quarter", 0.85, 1.15)},
     .refute = {AT_MOST("half", 0.75), AT_MOST("quarter", 0.75)},
     .shown = {"half", "quarter"}},
    {.id = "decode-7b-h100-50ms",
     .bind = {{"data", BIND_SHARE_DATA, DECODE(medium, f32), NULL}, BOUND("bound", DECODE(medium, f32))},
     .confirm = {AT_LEAST("data", 0.5)},
     .refute = {AT_MOST("data", 0.5)},
     .shown = {"data", "bound"}},
    {.id = "kv-7b-2048",
     .bind = {TIME("t0", PAST(0)),
              TIME("t1", PAST(1023)),
              {"d0", BIND_BYTES, PAST(0), NULL},
              {"d1", BIND_BYTES, PAST(1023), NULL},
              READ_BW},
     .formula = "ratio = (t1 - t0)/((d1 - d0)/BW)",
     .confirm = {IN("ratio", 0.8, 1.2)},
     .refute = {AT_MOST("ratio", 1 / 1.5), AT_LEAST("ratio", 1.5)},
     .shown = {"ratio"}},
    {.id = "gpt2-xl-b1-three-way",
     .bind = {BOUND("small", DECODE(small, f32)), BOUND("medium", DECODE(medium, f32)),
              BOUND("large", DECODE(large, f32))},
     .confirm = {IS("small", "memory"), IS("medium", "memory"), IS("large", "memory")},
     .refute = {IS("small", "latency|cache"), IS("medium", "latency|cache"), IS("large", "latency|cache")},
     .shown = {"small", "medium", "large"}},
    /* ---- attention ---- */
    {.id = "flash-traffic-factor",
     .bind = {{"n1", BIND_TIME, ATTN(512), "naive"},
              {"t1", BIND_TIME, ATTN(512), NULL},
              {"n2", BIND_TIME, ATTN(2048), "naive"},
              {"t2", BIND_TIME, ATTN(2048), NULL},
              {"data", BIND_SHARE_DATA, ATTN(2048), "naive"}},
     .premise = AT_LEAST("data", 0.5),
     .otherwise = UNTILED,
     .formula = "r512 = n1/t1; r2048 = n2/t2; growth = r2048/r512",
     .confirm = {AT_LEAST("growth", 1.1)},
     .refute = {AT_MOST("growth", 1)},
     .shown = {"r512", "r2048", "growth"}},
    {.id = "flash-speedup",
     .bind = {{"n2", BIND_TIME, ATTN(2048), "naive"},
              {"t2", BIND_TIME, ATTN(2048), NULL},
              {"data", BIND_SHARE_DATA, ATTN(2048), "naive"}},
     .premise = AT_LEAST("data", 0.5),
     .otherwise = UNTILED,
     .formula = "ratio = n2/t2",
     .confirm = {IN("ratio", 2, 4)},
     .refute = {AT_MOST("ratio", 1.5), AT_LEAST("ratio", 6)},
     .shown = {"ratio"}},
    {.id = "attention-memory-wait",
     .bind = {{"data", BIND_SHARE_DATA, ATTN(2048), "naive"}},
     .confirm = {IN("data", 0.6, 0.9)},
     .refute = {AT_MOST("data", 0.5)},
     .shown = {"data"}},
    /* ---- conv ---- */
    /* The unfolded image is written once and read once beyond the direct kernel's bytes; the input is
       28*28*256*4 B. */
    {.id = "im2col-memory",
     .bind = {{"D_im2col", BIND_BYTES, CONV(256, 28), "im2col"}, {"D", BIND_BYTES, CONV(256, 28), NULL}},
     .formula = "ratio = (D_im2col - D)/2/(28^2*256*4)",
     .confirm = {AT_MOST("ratio", 2.5)},
     .refute = {AT_LEAST("ratio", 7)},
     .shown = {"ratio"}},
    /* Three of the 23 layers: the 3x3 of stages 2, 3 and 4. */
    {.id = "im2col-speedup",
     .bind = {{"n1", BIND_TIME, CONV(64, 56), "naive"},
              {"i1", BIND_TIME, CONV(64, 56), "im2col"},
              {"n2", BIND_TIME, CONV(128, 28), "naive"},
              {"i2", BIND_TIME, CONV(128, 28), "im2col"},
              {"n3", BIND_TIME, CONV(256, 14), "naive"},
              {"i3", BIND_TIME, CONV(256, 14), "im2col"}},
     .formula = "speedup = (n1 + n2 + n3)/(i1 + i2 + i3)",
     .confirm = {IN("speedup", 5, 10)},
     .refute = {AT_MOST("speedup", 3), AT_LEAST("speedup", 20)},
     .shown = {"speedup"}},
    {.id = "depthwise-reduction",
     .bind = {TIME("dense", CONV(128, 28)),
              TIME("dw", "conv:n=1,h=28,w=28,c=128,k=128,r=3,s=3,stride=1,pad=1,groups=128,dtype=f32"),
              TIME("pw", "conv:n=1,h=28,w=28,c=128,k=128,r=1,s=1,stride=1,pad=0,groups=1,dtype=f32")},
     .formula = "ratio = dense/(dw + pw); flops = 9*128/(9 + 128); share = ratio/flops",
     .confirm = {AT_LEAST("share", 0.7)},
     .refute = {AT_MOST("share", 0.5)},
     .shown = {"ratio", "flops", "share"}},
    {.id = "mobilenet-flops-vs-time",
     .bind = {TIME("r", RESNET(1)), TIME("m", "mobilenetv2:batch=1,dtype=f32")},
     .formula = "ratio = r/m",
     .confirm = {AT_MOST("ratio", 0.7 * 13.6)},
     .refute = {IN("ratio", 0.8 * 13.6, 1.2 * 13.6)},
     .shown = {"ratio"}},
    {.id = "resnet50-3x3-share",
     .untestable = "needs per-layer times (run resnet50 --layers): a record's rows are whole networks"},
    {.id = "conv-bn-relu-v100",
     .bind = {TIME("fused",
                   "conv:n=1,h=28,w=28,c=256,k=256,r=3,s=3,stride=1,pad=1,groups=1,fuse=fused,dtype=f32"),
              TIME("apart",
                   "conv:n=1,h=28,w=28,c=256,k=256,r=3,s=3,stride=1,pad=1,groups=1,fuse=unfused,dtype=f32"),
              BOUND("bound",
                    "conv:n=1,h=28,w=28,c=256,k=256,r=3,s=3,stride=1,pad=1,groups=1,fuse=fused,dtype=f32")},
     .formula = "ratio = apart/fused",
     .confirm = {IS("bound", "memory"), AT_LEAST("ratio", 1.6)},
     .refute = {IS("bound", "compute"), AT_MOST("ratio", 1.3)},
     .refute_all = true,
     .shown = {"ratio", "bound"}},
    {.id = "conv-resolution-intensity",
     .bind = {BOUND("b224", "resnet50:batch=1,res=224,dtype=f32"),
              BOUND("b640", "resnet50:batch=1,res=640,dtype=f32"),
              {"F224", BIND_FLOPS_S, "resnet50:batch=1,res=224,dtype=f32", NULL},
              {"F640", BIND_FLOPS_S, "resnet50:batch=1,res=640,dtype=f32", NULL}},
     .formula = "growth = F640/F224",
     .confirm = {IS("b224", "compute"), IS("b640", "memory")},
     .refute = {IS("b224", "compute"), IS("b640", "compute"), AT_LEAST("growth", 0.95)},
     .refute_all = true,
     .shown = {"b224", "b640", "growth"}},
    /* ---- fusion, overhead, transfer ---- */
    /* Tensors of four times the last-level cache decide, up to the k at which the fused pass waits for its
     * arithmetic; k1, one operation either way, shows what chance does; cache2..8 are tensors that fit it. */
    {.id = "fusion-k-ops",
     .bind = {BOUND("bound", CHAIN(dram, 8, fused))},
     .ratio = {FUSION("k2", CHAIN, dram, 2), FUSION("k4", CHAIN, dram, 4), FUSION("k8", CHAIN, dram, 8)},
     .confirm = {IN("k2", 1.6, 2.4), IN("k4", 3.2, 4.8), IN_UNLESS("k8", 6.4, 9.6, "bound", "compute")},
     .refute = {AT_MOST("k2", 1.2), AT_MOST("k4", 2.4)},
     .shown = {"k2", "k4", "k8", "bound"},
     .beside = {FUSION("k1", CHAIN, dram, 1), FUSION("cache2", CHAIN, cache, 2),
                FUSION("cache4", CHAIN, cache, 4), FUSION("cache8", CHAIN, cache, 8)}},
    /* Rows of 1024, four times the last-level cache of them; cache: as many as fit it; small: 64 kB, where
       launches weigh most. */
    {.id = "fusion-layernorm-chain",
     /* These sizes become text. */
     /* clang-format off */
     .ratio = {FUSION("ratio", NORMCHAIN, {dram/1024}, 10)},
     /* clang-format on */
     .confirm = {AT_LEAST("ratio", 4.5)},
     .refute = {AT_MOST("ratio", 4)},
     .shown = {"ratio"},
     /* clang-format off */
     .beside = {FUSION("cache", NORMCHAIN, {cache/1024}, 10), FUSION("small", NORMCHAIN, 16, 10)}},
    /* clang-format on */
    {.id = "dispatch-tax",
     .bind = {{"L", BIND_CEIL_LAUNCH, NULL, NULL}},
     .formula = "tax_small = L/(L + 1e-6); tax_large = L/(L + 100e-6)",
     .confirm = {IN("L", 5e-6, 20e-6)},
     .refute = {AT_MOST("L", 5e-6), AT_LEAST("L", 20e-6)},
     .shown = {"L", "tax_small", "tax_large"}},
    {.id = "gemm-4096-100us",
     .only_on = CLAIM_A_GPU,
     .bind = {TIME("T", GEMM4096)},
     .confirm = {AT_MOST("T", 110e-6)},
     .refute = {AT_LEAST("T", 110e-6)},
     .shown = {"T"}},
    {.id = "mlp-overhead-bound", .untestable = NO_GRAPH},
    {.id = "launch-cost-range",
     .only_on = CLAIM_A_GPU,
     .bind = {{"L", BIND_CEIL_LAUNCH, NULL, NULL}},
     .confirm = {IN("L", 5e-6, 20e-6)},
     .refute = {AT_MOST("L", 5e-6), AT_LEAST("L", 20e-6)},
     .shown = {"L"}},
    {.id = "table-throughput-mfu",
     .bind = {{"mfu", BIND_MFU, RESNET(32), NULL}},
     .confirm = {AT_LEAST("mfu", 0.6)},
     .refute = {AT_MOST("mfu", 0.5)},
     .shown = {"mfu"}},
    {.id = "transfer-4mb-table", .untestable = NO_LINK},
    {.id = "pinned-vs-pageable", .untestable = NO_LINK},
    {.id = "overlap-max-vs-sum",
     .untestable = "needs two streams of one device, or a GEMV with prefetch off as a twin"},
    /* ---- memory hierarchy ---- */
    {.id = "dram-over-l1-latency",
     .bind = {{"l1", BIND_CEIL_LATENCY, "L1", NULL}, {"dram", BIND_CEIL_LATENCY, "DRAM", NULL}},
     .formula = "ratio = dram/l1",
     .confirm = {IN("ratio", 50, 200)},
     .refute = {AT_MOST("ratio", 50), AT_LEAST("ratio", 200)},
     .shown = {"ratio", "l1", "dram"}},
    {.id = "latency-level-ratio",
     .bind = {{"l1", BIND_CEIL_LATENCY, "L1", NULL},
              {"l2", BIND_CEIL_LATENCY, "L2", NULL},
              {"l3", BIND_CEIL_LATENCY, "L3", NULL},
              {"dram", BIND_CEIL_LATENCY, "DRAM", NULL}},
     .formula = "l2_over_l1 = l2/l1; l3_over_l2 = l3/l2; dram_over_l3 = dram/l3; least = min(l2_over_l1, "
                "l3_over_l2, dram_over_l3); "
                "most = max(l2_over_l1, l3_over_l2, dram_over_l3)",
     .confirm = {AT_LEAST("least", 10), AT_MOST("most", 100)},
     .refute = {AT_MOST("least", 8)},
     .shown = {"l2_over_l1", "l3_over_l2", "dram_over_l3"}},
    {.id = "random-gather-10x",
     .bind = {TIME("T", "gather:bytes=256Mi,count=1Mi,dtype=f32"), READ_BW},
     .formula = "ratio = BW/(1048576*4/T)",
     .confirm = {IN("ratio", 5, 15)},
     .refute = {AT_MOST("ratio", 3), AT_LEAST("ratio", 30)},
     .shown = {"ratio"}},
    {.id = "strided-bandwidth", .untestable = "needs a strided read as a workload"},
    /* ---- precision ---- */
    {.id = "halving-bytes",
     .bind = {TIME("g4", GEMV), TIME("g2", "gemv:m=8192,k=8192,dtype=bf16"), TIME("d4", DECODE(medium, f32)),
              TIME("d2", DECODE(medium, bf16))},
     .formula = "gemv = g4/g2; gpt2 = d4/d2",
     .confirm = {IN("gemv", 1.7, 2.1), IN("gpt2", 1.7, 2.1)},
     .refute = {AT_MOST("gemv", 1.5), AT_MOST("gpt2", 1.5)},
     .shown = {"gemv", "gpt2"}},
    {.id = "int8-simd-lanes",
     .bind = {{"R8", BIND_CEIL_FLOPS, "i8", NULL}, PEAK_F32},
     .formula = "ratio = R8/R",
     .confirm = {IN("ratio", 3.5, 4.5)},
     .refute = {AT_MOST("ratio", 3), AT_LEAST("ratio", 5)},
     .shown = {"ratio"}},
    {.id = "int8-combined-4x",
     .bind = {TIME("t2", DECODE(medium, bf16)), TIME("t1", DECODE(medium, i8))},
     .formula = "ratio = t2/t1",
     .confirm = {AT_LEAST("ratio", 3)},
     .refute = {AT_MOST("ratio", 2.2)},
     .shown = {"ratio"}},
    /* bf16 for f16: gemm has no f16, and matrix units do both at one rate. */
    {.id = "tensor-core-16x",
     .only_on = "NVIDIA",
     .bind = {{"F16", BIND_FLOPS_S, "gemm:m=4096,n=4096,k=4096,dtype=bf16", NULL},
              {"F32", BIND_FLOPS_S, GEMM4096, NULL},
              {"R16", BIND_CEIL_FLOPS, "bf16", NULL},
              PEAK_F32},
     .formula = "ratio = F16/F32; share = ratio/(R16/R)",
     .confirm = {AT_LEAST("share", 0.8)},
     .refute = {AT_MOST("share", 0.5)},
     .shown = {"ratio", "share"}},
    {.id = "alignment-cliff",
     .bind = {{"F0", BIND_FLOPS_S, "gemm:m=1024,n=4096,k=4096,dtype=f32", NULL},
              {"F1", BIND_FLOPS_S, "gemm:m=1024,n=4097,k=4096,dtype=f32", NULL}},
     .formula = "ratio = F1/F0",
     .confirm = {AT_MOST("ratio", 0.5)},
     .refute = {AT_LEAST("ratio", 0.8)},
     .shown = {"ratio"}},
    /* 1024 instead of 2048: the naive loops on 2048 take a minute a call. */
    {.id = "scalar-vs-simd",
     .bind = {{"naive", BIND_FLOPS_S, "gemm:m=1024,n=1024,k=1024,dtype=f32,threads=1", "naive"},
              {"best", BIND_FLOPS_S, "gemm:m=1024,n=1024,k=1024,dtype=f32,threads=1", NULL},
              {"R1", BIND_CEIL_FLOPS, "f32/1", NULL}},
     .formula = "share_scalar = naive/R1; share_simd = best/R1",
     .confirm = {AT_MOST("share_scalar", 0.02), AT_LEAST("share_simd", 0.8)},
     .refute = {AT_LEAST("share_scalar", 0.05), AT_MOST("share_simd", 0.75)},
     .shown = {"share_scalar", "share_simd"}},
    {.id = "energy-move-vs-compute", .untestable = NO_ENERGY},
    /* ---- counts ---- */
    {.id = "resnet50-flop-is-mac",
     .bind = {{"O", BIND_FLOPS, RESNET(1), NULL}},
     .confirm = {IN("O", 0.99 * 4.1e9, 1.01 * 4.1e9)},
     .refute = {IN("O", 0.99 * 8178368512.0, 1.01 * 8178368512.0)},
     .shown = {"O"}},
    {.id = NULL}};

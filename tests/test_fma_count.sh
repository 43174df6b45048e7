#!/usr/bin/env bash
# test_fma_count.sh OBJDUMP OBJECT... -- counts the instructions in the loops of kernels/cpu/peak_isa.c, in
# the objects as built. A loop fma_TYPE_N_ISA holds N multiply-accumulates on N different registers of the
# ISA's full width, a subtraction and a branch, nothing else. fma_clock_N_ISA holds N of them and 16 integer
# instructions. The compiler's portable loops hold N multiplications and N additions (or N fused ones) a turn,
# unrolled or not, and touch no memory. Exit 0: all counted and right; 1: not; 77: no objdump. IR_PORTABLE=0:
# leave the portable loops out (a build without optimisation, or with sanitizers in its loops).
set -u
objdump=${1:-objdump}
shift
command -v "$objdump" >/dev/null || { echo "skipped: no objdump ($objdump)"; exit 77; }
[ $# -gt 0 ] || { echo "no object files given"; exit 1; }

count() { # count ISA: disassembly on stdin
  awk -v isa="$1" -v left_out="$((1 - ${IR_PORTABLE:-1}))" '
    function hex(s,   i, v) {
      v = 0
      for (i = 1; i <= length(s); i++) v = v * 16 + index("0123456789abcdef", substr(s, i, 1)) - 1
      return v
    }
    BEGIN {
      x86["f64"] = "vfmadd231pd"; x86["f32"] = "vfmadd231ps"; x86["f16"] = "vfmadd231ph"
      x86["bf16"] = "vdpbf16ps"; x86["i8"] = "vpdpbusd"
    }
    function bad(why) { printf "%s: %s\n", name, why; wrong++ }
    # Is instruction i a multiply-accumulate of this type? Notes its register.
    function accumulates(i, type,   op, reg, want) {
      op = insn[i]; sub(/[ \t].*/, "", op)
      if (isa == "neon") {
        want = type == "bf16" ? "bfdot" : type == "i8" ? "sdot" : "fmla"
        reg = args[i]; sub(/,.*/, "", reg)
      } else {
        want = x86[type]
        reg = args[i]; sub(/.*,/, "", reg)
        if (reg !~ (isa == "avx512" ? "zmm" : "ymm")) return 0
      }
      if (op != want) return 0
      seen[reg] = 1
      return 1
    }
    function counts(from, to, type, n, extra,   i, got, regs) {
      split("", seen); got = 0; regs = 0
      for (i = from; i <= to; i++) if (insn[i] ~ /\(bad\)|<unknown>/) { unknown++; return }
      for (i = from; i <= to; i++) got += accumulates(i, type)
      for (i in seen) regs++
      if (got != n) bad("the loop has " got " multiply-accumulates of type " type ", not " n)
      if (regs != (n > 12 && extra > 2 ? 12 : n)) bad("they use " regs " registers")
      if (to - from + 1 != n + extra) bad("the loop has " to - from + 1 " instructions, not " n + extra)
    }
    function portable(from, to, n,   i, mul, add, fused) {
      mul = add = fused = 0
      for (i = from; i <= to; i++) {
        if (insn[i] ~ /^v?mulp[sd]|^fmul/) mul++
        if (insn[i] ~ /^v?addp[sd]|^fadd/) add++
        if (insn[i] ~ /^vfmadd|^fmla/) fused++
        if (args[i] ~ /\(|\[/ && insn[i] !~ /^nop|^lea/) bad("the loop touches memory: " insn[i] " " args[i])
      }
      if (mul != add) bad("the loop has " mul " multiplications and " add " additions")
      if (mul + fused == 0 || (mul + fused) % n)
        bad("the loop has " mul + fused " multiplications, which is no multiple of " n)
    }
    function judge(   i, part, k, target, loops) {
      if (name == "") return
      split(name, part, "_")
      for (k = 1; k <= ninsn; k++) {
        if (insn[k] !~ /^(j|b\.|cbn?z|tbn?z)/ ) continue
        target = args[k]; sub(/ *<.*/, "", target); sub(/^.*[, ]/, "", target); sub(/^0x/, "", target)
        target = hex(target)
        for (i = 1; i <= k && at[i] != target; i++) ;
        if (i > k) continue
        loops++
        if (isa == "portable") portable(i, k, part[3])
        else if (part[2] == "clock") counts(i, k, "f32", part[3], 18)
        else counts(i, k, part[2], part[3], 2)
      }
      if (!loops) bad("there is no loop")
      else have[part[2] " " part[3]] = 1
      types[part[2]] = 1
      total += loops
    }
    /^[0-9a-f]+ <.*>:$/ {
      judge()
      name = $2; gsub(/[<>:]/, "", name)
      if (name !~ ("^fma_[a-z0-9]+_[0-9]+_" isa "$") || (isa == "portable" && left_out)) name = ""
      ninsn = 0
      next
    }
    name != "" && /^ *[0-9a-f]+:/ {
      line = $0; sub(/^ */, "", line)
      a = line; sub(/:.*/, "", a)
      sub(/^[0-9a-f]+:[ \t]*/, "", line); sub(/[ \t]*(\/\/|#).*/, "", line); sub(/^\{vex\}[ \t]*/, "", line)
      at[++ninsn] = hex(a)
      insn[ninsn] = line; sub(/[ \t].*/, "", insn[ninsn])
      args[ninsn] = line; sub(/^[^ \t]*[ \t]*/, "", args[ninsn])
      if (line == "") ninsn--
    }
    END {
      judge()
      name = isa
      split(isa == "avx512" || isa == "neon" ? "1 2 4 8 10 12 16 24" : "1 2 4 8 10 12", chains, " ")
      types["f64"] = types["f32"] = 1
      if (isa != "portable") types["clock"] = 1
      for (t in types) {
        if (isa == "portable" && left_out) continue
        if (t == "clock") {
          if (!("clock 12" in have) || !("clock 24" in have)) bad("fma_clock_12 or fma_clock_24 is missing")
          continue
        }
        for (c in chains) if (!(t " " chains[c] in have)) bad("fma_" t "_" chains[c] "_" isa " is missing")
      }
      if (isa == "portable" && left_out) print "portable: left out"
      else
        printf "%s: %d loops counted, %d with instructions this objdump does not know\n", isa, total, unknown
      exit wrong > 0
    }'
}

failed=0 seen=0
for object in "$@"; do
  case $object in */peak_isa.*) ;; *) continue ;; esac
  seen=$((seen + 1))
  [ -f "$object" ] || { echo "not built: $object"; failed=1; continue; }
  isa=${object%/*}
  isa=$(sed -n 's/.*ir_cpu_\([a-z0-9]*\)\.dir.*/\1/p' <<<"$isa")
  [ -n "$isa" ] || { echo "no ISA in the name of $object"; failed=1; continue; }
  LC_ALL=C "$objdump" -d --no-show-raw-insn "$object" | count "$isa" || failed=1
done
[ $seen -gt 0 ] || { echo "no peak_isa object among $# files"; failed=1; }
exit $failed

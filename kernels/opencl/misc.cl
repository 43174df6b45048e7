/* misc.cl -- latency, gather, launch cost, local memory. */

#ifdef CHAINS
/* One item follows CHAINS cycles of 64-byte lines; lines are numbered, next[16 * line] is the line after it.
 * `at`: where each chain is; ends: {first, last} of this call as 32-bit numbers. */
__kernel void chase(__global const uint *restrict next, __global uint *restrict at,
                    __global uint *restrict ends, ulong steps)
{
    uint p[CHAINS];
#pragma unroll
    for (int c = 0; c < CHAINS; c++) ends[2 * c] = p[c] = at[c];
    for (ulong i = 0; i < steps; i++) {
#pragma unroll
        for (int c = 0; c < CHAINS; c++) p[c] = next[16 * (size_t)p[c]];
    }
#pragma unroll
    for (int c = 0; c < CHAINS; c++) ends[2 * c + 1] = at[c] = p[c];
}
#endif

#ifdef GATHER
__kernel void gather(__global T *restrict sums, __global const T *restrict x,
                     __global const uint *restrict index, ulong n)
{
    __local T part[LS];
    size_t    g = get_global_id(0), items = get_global_size(0), l = get_local_id(0), group = get_group_id(0);
    T         s0 = 0, s1 = 0, s2 = 0, s3 = 0;
#if OCL_CPU
    ulong lo = n * g / items, hi = n * (g + 1) / items, step = 1;
#else
    ulong lo = g, hi = n, step = items;
#endif
    ulong i = lo;
    for (; i + 3 * step < hi; i += 4 * step) {
        s0 += x[index[i]];
        s1 += x[index[i + step]];
        s2 += x[index[i + 2 * step]];
        s3 += x[index[i + 3 * step]];
    }
    for (; i < hi; i += step) s0 += x[index[i]];
    part[l] = (s0 + s1) + (s2 + s3);
    for (size_t h = LS / 2; h > 0; h /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (l < h) part[l] += part[l + h];
    }
    if (l == 0)
        for (size_t k = group; k < PARTIALS; k += get_num_groups(0)) sums[k] = k == group ? part[0] : 0;
}
#endif

#ifdef LAUNCH
/* Counts itself; `seen` is SEEN plus the launches too many so far. */
__kernel void launch(__global ulong *restrict seen, __global ulong *restrict count, ulong seen_value,
                     ulong expected)
{
    count[0] += 1;
    seen[0] = seen_value + count[0] - expected;
}
#endif

#ifdef LOCAL
/* Each group fills NV vectors of local memory and reads them `passes` times. */
__kernel void local_read(__global uint *restrict sums, uint passes, uint still)
{
    __local uint4 m[NV];
    __local uint  part[LS];
    uint          l = get_local_id(0);
    for (uint i = l; i < NV; i += LS) {
        uint4 j = (uint4)(4 * i, 4 * i + 1, 4 * i + 2, 4 * i + 3);
        m[i] = j * 2654435761u + 12345u;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    uint4 s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (uint p = 0; p < passes; p++) {
        __local const uint4 *q = m + (p & still);
        uint                 i = l;
        for (; i + 3 * LS < NV; i += 4 * LS) {
            s0 += q[i] ^ (p & still);
            s1 += q[i + LS];
            s2 += q[i + 2 * LS];
            s3 += q[i + 3 * LS];
        }
        for (; i < NV; i += LS) s0 += q[i];
    }
    s0 += s1 + s2 + s3;
    part[l] = s0.x + s0.y + s0.z + s0.w;
    for (uint h = LS / 2; h > 0; h /= 2) {
        barrier(CLK_LOCAL_MEM_FENCE);
        if (l < h) part[l] += part[l + h];
    }
    if (l == 0) sums[get_group_id(0)] = part[0];
}
#endif

/* planted.h -- names of the faults in tests/CMakeLists.txt's ir_plant() lines; "nothing" is the code as it
 * is. */
X(nothing)
X(overwrite)
X(fence)
X(copy_wait)
X(product_wait)
X(barrier)
X(swizzle)
X(base_offset)
X(leading)

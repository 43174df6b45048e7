/* hwloc_functions.h -- which functions of hwloc are called, as a table that is filled when the library is
 * loaded: the program is not linked to it. Functions that hwloc's headers define inline call others by name
 * and cannot be used; what they do is redone in topology_hwloc.c. */
#ifndef IR_HWLOC_FUNCTIONS_H
#define IR_HWLOC_FUNCTIONS_H
#include "harness/machine/machine.h"

#include <hwloc.h>

/* clang-format off */
#if HWLOC_API_VERSION >= 0x00020400
#define HWLOC_KINDS(X) \
    X(hwloc_cpukinds_get_by_cpuset) \
    X(hwloc_cpukinds_get_info)
#else
#define HWLOC_KINDS(X)
#endif
#define HWLOC_FUNCTIONS(X) \
    X(hwloc_get_api_version) \
    X(hwloc_topology_init) \
    X(hwloc_topology_destroy) \
    X(hwloc_topology_set_xml) \
    X(hwloc_topology_set_flags) \
    X(hwloc_topology_load) \
    X(hwloc_topology_is_thissystem) \
    X(hwloc_topology_get_depth) \
    X(hwloc_topology_get_allowed_cpuset) \
    X(hwloc_topology_get_complete_cpuset) \
    X(hwloc_get_type_depth) \
    X(hwloc_get_depth_type) \
    X(hwloc_get_nbobjs_by_depth) \
    X(hwloc_get_obj_by_depth) \
    X(hwloc_obj_type_is_dcache) \
    X(hwloc_bitmap_alloc) \
    X(hwloc_bitmap_dup) \
    X(hwloc_bitmap_free) \
    X(hwloc_bitmap_set) \
    X(hwloc_bitmap_and) \
    X(hwloc_bitmap_only) \
    X(hwloc_bitmap_isset) \
    X(hwloc_bitmap_first) \
    X(hwloc_bitmap_weight) \
    HWLOC_KINDS(X)

IR_LIBRARY_TABLE(HWLOC_FUNCTIONS, hwloc_functions);
static hwloc_functions hw; /* all are NULL until the library is loaded */

#define hwloc_get_api_version hw.hwloc_get_api_version
#define hwloc_topology_init hw.hwloc_topology_init
#define hwloc_topology_destroy hw.hwloc_topology_destroy
#define hwloc_topology_set_xml hw.hwloc_topology_set_xml
#define hwloc_topology_set_flags hw.hwloc_topology_set_flags
#define hwloc_topology_load hw.hwloc_topology_load
#define hwloc_topology_is_thissystem hw.hwloc_topology_is_thissystem
#define hwloc_topology_get_depth hw.hwloc_topology_get_depth
#define hwloc_topology_get_allowed_cpuset hw.hwloc_topology_get_allowed_cpuset
#define hwloc_topology_get_complete_cpuset hw.hwloc_topology_get_complete_cpuset
#define hwloc_get_type_depth hw.hwloc_get_type_depth
#define hwloc_get_depth_type hw.hwloc_get_depth_type
#define hwloc_get_nbobjs_by_depth hw.hwloc_get_nbobjs_by_depth
#define hwloc_get_obj_by_depth hw.hwloc_get_obj_by_depth
#define hwloc_obj_type_is_dcache hw.hwloc_obj_type_is_dcache
#define hwloc_bitmap_alloc hw.hwloc_bitmap_alloc
#define hwloc_bitmap_dup hw.hwloc_bitmap_dup
#define hwloc_bitmap_free hw.hwloc_bitmap_free
#define hwloc_bitmap_set hw.hwloc_bitmap_set
#define hwloc_bitmap_and hw.hwloc_bitmap_and
#define hwloc_bitmap_only hw.hwloc_bitmap_only
#define hwloc_bitmap_isset hw.hwloc_bitmap_isset
#define hwloc_bitmap_first hw.hwloc_bitmap_first
#define hwloc_bitmap_weight hw.hwloc_bitmap_weight
#define hwloc_cpukinds_get_by_cpuset hw.hwloc_cpukinds_get_by_cpuset
#define hwloc_cpukinds_get_info hw.hwloc_cpukinds_get_info
/* clang-format on */
#endif

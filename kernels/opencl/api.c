/* api.c -- the one door to OpenCL: names of codes, the mapping to the suite's statuses, fault injection, and
 * the count of live objects. */
#include "kernels/opencl/ocl.h"

#include <string.h>

ocl_trace ocl_calls;
cl_int    ocl_err;

bool ocl_inject(void)
{
    ocl_calls.calls++;
    ocl_err = CL_SUCCESS;
    return ocl_calls.fail_at > 0 && --ocl_calls.fail_at == 0;
}

cl_int ocl_event_count(cl_int code, cl_event *e)
{
    if (code == CL_SUCCESS && *e)
        ocl_calls.live[OCL_EVENT]++;
    else
        *e = NULL;
    return code;
}

enum { NO_PLATFORM = -1001 }; /* CL_PLATFORM_NOT_FOUND_KHR, of the ICD loader's extension */

const char *ocl_code_name(cl_int code)
{
    static const struct {
        cl_int      code;
        const char *name;
    } names[] = {{CL_DEVICE_NOT_FOUND, "no such device"},
                 {CL_DEVICE_NOT_AVAILABLE, "the device is not available"},
                 {CL_COMPILER_NOT_AVAILABLE, "no compiler"},
                 {CL_MEM_OBJECT_ALLOCATION_FAILURE, "allocation failed"},
                 {CL_OUT_OF_RESOURCES, "out of resources"},
                 {CL_OUT_OF_HOST_MEMORY, "out of host memory"},
                 {CL_PROFILING_INFO_NOT_AVAILABLE, "no profiling information"},
                 {CL_MAP_FAILURE, "mapping failed"},
                 {CL_BUILD_PROGRAM_FAILURE, "build failed"},
                 {CL_INVALID_VALUE, "invalid value"},
                 {CL_INVALID_DEVICE, "invalid device"},
                 {CL_INVALID_CONTEXT, "invalid context"},
                 {CL_INVALID_COMMAND_QUEUE, "invalid queue"},
                 {CL_INVALID_MEM_OBJECT, "invalid buffer"},
                 {CL_INVALID_BINARY, "invalid binary"},
                 {CL_INVALID_BUILD_OPTIONS, "invalid build options"},
                 {CL_INVALID_PROGRAM, "invalid program"},
                 {CL_INVALID_PROGRAM_EXECUTABLE, "program not built"},
                 {CL_INVALID_KERNEL_NAME, "no such kernel"},
                 {CL_INVALID_KERNEL, "invalid kernel"},
                 {CL_INVALID_ARG_INDEX, "invalid argument index"},
                 {CL_INVALID_ARG_VALUE, "invalid argument"},
                 {CL_INVALID_ARG_SIZE, "invalid argument size"},
                 {CL_INVALID_KERNEL_ARGS, "missing arguments"},
                 {CL_INVALID_WORK_GROUP_SIZE, "work-group size refused"},
                 {CL_INVALID_WORK_ITEM_SIZE, "work-item size refused"},
                 {CL_INVALID_EVENT, "invalid event"},
                 {CL_INVALID_BUFFER_SIZE, "buffer size refused"},
                 {CL_INVALID_OPERATION, "invalid operation"},
                 {NO_PLATFORM, "no OpenCL platform is installed (no ICD)"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].code == code) return names[i].name;
    return "unknown error";
}

static ir_status status_of(cl_int code)
{
    switch (code) {
    case CL_SUCCESS: return IR_OK;
    case CL_DEVICE_NOT_FOUND:
    case NO_PLATFORM:
    case CL_COMPILER_NOT_AVAILABLE:
    case CL_INVALID_WORK_GROUP_SIZE:
    case CL_INVALID_WORK_ITEM_SIZE:
    case CL_INVALID_BUFFER_SIZE: return IR_SKIP;
    case CL_MEM_OBJECT_ALLOCATION_FAILURE:
    case CL_OUT_OF_RESOURCES:
    case CL_OUT_OF_HOST_MEMORY: return IR_ENOMEM;
    case CL_BUILD_PROGRAM_FAILURE:
    case CL_INVALID_BINARY:
    case CL_INVALID_BUILD_OPTIONS:
    case CL_INVALID_KERNEL_NAME: return IR_EIO;
    default: return IR_EDEVICE;
    }
}

ir_status ocl_report(cl_int code, const char *call, const char *file, int line)
{
    if (code == CL_SUCCESS) return IR_OK;
    const char *slash = strrchr(file, '/'), *name = strstr(call, "cl");
    if (!name) name = call;
    return ir_fail(status_of(code), "opencl: %.*s: %s (%d) at %s:%d", (int)strcspn(name, "("), name,
                   ocl_code_name(code), (int)code, slash ? slash + 1 : file, line);
}

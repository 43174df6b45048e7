/* wrong_sum.c -- preloaded by test_fleet_mpi.py: sums over MPI whose last element is spoiled on one rank,
 * once they have 512 elements. */
#include <mpi.h>

int MPI_Iallreduce(const void *in, void *out, int n, MPI_Datatype type, MPI_Op op, MPI_Comm comm,
                   MPI_Request *request)
{
    int rank, code = PMPI_Allreduce(in, out, n, type, op, comm);
    MPI_Comm_rank(comm, &rank);
    if (n >= 512 && rank == 1) ((float *)out)[n - 1] += 1;
    return code == MPI_SUCCESS ? PMPI_Ibarrier(comm, request) : code;
}

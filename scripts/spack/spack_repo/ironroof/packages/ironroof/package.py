# Copyright the ironroof authors. SPDX-License-Identifier: Apache-2.0
from pathlib import Path

from spack.package import *

try:
    from spack_repo.builtin.build_systems.cmake import CMakePackage
except ImportError:
    pass  # before Spack 1.0 it came with spack.package


class Ironroof(CMakePackage):
    """Measures rooflines, the memory wall and the Iron Law of CPUs and GPUs: every ceiling of a
    machine and every workload under it, each output held against an oracle before it is timed."""

    tags = ["benchmark"]
    license("Apache-2.0", checked_by="ironroof")
    maintainers("ironroof")

    # The checkout that this file lies in: spack repo add scripts/spack/spack_repo/ironroof, then
    # spack install ironroof; spack dev-build ironroof@main builds it as it lies there.
    git = "file://" + str(Path(__file__).resolve().parents[6])
    version("main", branch="main")

    variant("opencl", default=False, description="OpenCL devices")
    variant("cuda", default=False, description="NVIDIA GPUs")
    variant("openblas", default=True, description="OpenBLAS kernels beside our own")
    variant("onednn", default=False, description="oneDNN kernels to hold ours against")
    variant("mpi", default=False, description="ironroof-net, which measures a cluster's network")

    depends_on("c", type="build")
    depends_on("cxx", type="build", when="+cuda")
    depends_on("cmake@3.22:", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("hwloc@2:")
    depends_on("jansson")
    depends_on("openblas", when="+openblas")
    depends_on("onednn", when="+onednn")
    depends_on("opencl", when="+opencl")
    depends_on("cuda@12:", when="+cuda")
    depends_on("mpi", when="+mpi")

    def cmake_args(self):
        def state(variant):
            return "ON" if self.spec.satisfies("+" + variant) else "OFF"

        return [
            self.define("IRONROOF_HWLOC", "ON"),
            self.define("IRONROOF_JANSSON", "ON"),
            self.define("IRONROOF_OPENBLAS", state("openblas")),
            self.define("IRONROOF_ONEDNN", state("onednn")),
            self.define("IRONROOF_OPENCL", state("opencl")),
            self.define("IRONROOF_CLBLAST", "OFF"),
            self.define("IRONROOF_CUDA", state("cuda")),
            self.define("IRONROOF_MPI", state("mpi")),
            self.define("BUILD_TESTING", self.run_tests),
        ]

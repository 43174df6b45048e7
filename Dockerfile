# Dockerfile -- ironroof on a CPU, and on what OpenCL finds there:
#   docker build -t ironroof . && docker run --rm ironroof
# Threads are pinned inside what the container may use; `--cpuset-cpus` says which processors that is.
FROM debian:bookworm-slim AS build
# What the release has is what is meant: no version of a package is asked for.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends \
    ca-certificates cmake dpkg-dev file gcc libc6-dev libhwloc-dev libjansson-dev libopenblas-dev \
    ninja-build ocl-icd-opencl-dev opencl-headers pkg-config && rm -rf /var/lib/apt/lists/*
COPY . /src
RUN cmake -S /src --preset package -G Ninja && cmake --build /src/build-test/package && \
    cpack --config /src/build-test/package/CPackConfig.cmake -G DEB -B /deb && rm -rf /deb/_CPack_Packages

FROM debian:bookworm-slim
COPY --from=build /deb/*.deb /tmp/
# With what the package recommends: hwloc, OpenBLAS, an OpenCL device.
# hadolint ignore=DL3008,DL3015
RUN apt-get update && apt-get install -y /tmp/ironroof_*.deb && rm -rf /var/lib/apt/lists/* /tmp/*.deb
WORKDIR /results
ENTRYPOINT ["ironroof"]

# Dockerfile -- ironroof on a CPU, and on what OpenCL finds there:
#   docker build -t ironroof . && docker run --rm ironroof
# Threads are pinned inside what the container may use; `--cpuset-cpus` says which processors that is.
FROM debian:bookworm-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
    ca-certificates cmake dpkg-dev file gcc libc6-dev libhwloc-dev libjansson-dev libopenblas-dev \
    ninja-build ocl-icd-opencl-dev opencl-headers pkg-config && rm -rf /var/lib/apt/lists/*
COPY . /src
RUN cmake -S /src --preset package && cmake --build /src/build-test/package && \
    cd /src/build-test/package && cpack -G DEB -B /deb

FROM debian:bookworm-slim
COPY --from=build /deb/*.deb /tmp/
RUN apt-get update && apt-get install -y /tmp/ironroof_*.deb && rm -rf /var/lib/apt/lists/* /tmp/*.deb
WORKDIR /results
ENTRYPOINT ["ironroof"]

# Two stages: the binary is built where the compiler is, the image that runs has none.
# Only Debian's packages are fetched.
FROM docker.io/library/debian:bookworm-slim AS build
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        gcc libc6-dev make pkg-config libmicrohttpd-dev libcjson-dev libseccomp-dev \
        libpython3.11-dev libjs-codemirror \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN make all && strip build/code-runner

FROM docker.io/library/debian:bookworm-slim
# python3-scipy depends on python3-pythran, which scipy never imports and which brings a C++ compiler
# and development files: they go again in the same layer. Nothing that runs needs them; the last line
# fails the build if that stops being true.
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        libmicrohttpd12 libcjson1 libseccomp2 libpython3.11 python3.11 ca-certificates \
        libopenblas0-serial fonts-dejavu-core tzdata \
        python3-numpy python3-pandas python3-scipy python3-sklearn python3-matplotlib \
        python3-seaborn python3-requests \
    && compiler=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' 'g++*' 'gcc' 'gcc-1[0-9]' 'cpp*' \
        'binutils*' 'libc6-dev' 'libc-dev-bin' 'linux-libc-dev' 'lib*-dev' 'python3*-dev' 'zlib1g-dev' \
        'python3-pythran' 2>/dev/null | awk '$2 == "installed" { print $1 }') \
    && if [ -n "$compiler" ]; then dpkg --purge --force-depends $compiler >/dev/null 2>&1; fi \
    && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/* \
    && ! command -v gcc && ! command -v cc && ! command -v g++ && ! command -v ld \
    && MPLCONFIGDIR=/tmp/mpl python3 -c 'import numpy, pandas, scipy.linalg, scipy.stats, sklearn.linear_model, seaborn, requests' \
    && rm -rf /tmp/mpl
COPY --from=build /source/build/code-runner /usr/local/bin/code-runner
ENV PORT=8080
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python3", "-I", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/health', timeout=2)"]
ENTRYPOINT ["/usr/local/bin/code-runner"]

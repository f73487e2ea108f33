# The daemon in a container; docs/operating.md tells how to start it, and what the container's end does to runs.
#
#   docker build -t orchestrator .
#
# The files of the daemon are apart from the Python of the scripts, so a job's own libraries are one more layer:
#
#   FROM orchestrator
#   USER root
#   RUN pip install --no-cache-dir pandas
#   USER orchestrator
FROM python:3.13-slim-bookworm AS base

FROM base AS build
WORKDIR /src
COPY requirements.lock requirements-build.lock ./
# The lock files have hashes; neither environment gets a pip of its own.
RUN python -m venv --without-pip /opt/orchestrator \
    && python -m pip --python /opt/orchestrator/bin/python install --quiet --no-cache-dir --no-deps --require-hashes \
        --only-binary=:all: -r requirements.lock \
    && python -m venv --without-pip /opt/build \
    && python -m pip --python /opt/build/bin/python install --quiet --no-cache-dir --no-deps --require-hashes \
        --only-binary=:all: -r requirements-build.lock
COPY LICENSE README.md pyproject.toml ./
COPY orchestrator ./orchestrator
RUN /opt/build/bin/python -m hatchling build -t wheel -d /dist \
    && python -m pip --python /opt/orchestrator/bin/python install --quiet --no-cache-dir --no-deps --no-index /dist/*.whl

FROM base
# The first process of a container has to reap what others leave behind, and gets no signal that it has no handler for.
RUN apt-get update -qq \
    && apt-get install -y -qq --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /var/lib/orchestrator \
        --shell /usr/sbin/nologin orchestrator \
    && install -d -o orchestrator -g orchestrator -m 0700 /var/lib/orchestrator \
    && install -d /srv/orchestrator/jobs /srv/orchestrator/config \
    && ln -s /opt/orchestrator/bin/orchestrator /usr/local/bin/orchestrator
COPY --from=build /opt/orchestrator /opt/orchestrator
COPY docker/run-daemon docker/healthy.py /usr/local/lib/orchestrator/

ENV ORCHESTRATOR_STATE_DIR=/var/lib/orchestrator \
    ORCHESTRATOR_PYTHON=/usr/local/bin/python
# Jobs are in jobs/ here, settings and triggers in config/.
WORKDIR /srv/orchestrator
VOLUME /var/lib/orchestrator
USER orchestrator
EXPOSE 4583
# As long as the daemon answers; over its Unix socket, so that neither port nor keys matter.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s \
    CMD ["/opt/orchestrator/bin/python", "/usr/local/lib/orchestrator/healthy.py"]
ENTRYPOINT ["/usr/bin/tini", "--"]
CMD ["/usr/local/lib/orchestrator/run-daemon"]

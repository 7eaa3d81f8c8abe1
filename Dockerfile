# Server, services and workers of xltpipe in one image. `docker compose build`; docs/stack.md.
ARG BASE=python:3.11.13-slim-bookworm

FROM ${BASE} AS build
ARG EXTRAS=report,round_trip,openai
ARG PREFECT=3.9.1
ARG PREFECT_REDIS=0.3.0
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/xltpipe
ENV PATH=/opt/xltpipe/bin:$PATH
WORKDIR /xltpipe
# what is installed depends on these alone, so that a change of the code does not install it again
COPY pyproject.toml README.md LICENSE ./
COPY xltpipe/__init__.py xltpipe/__init__.py
RUN mkdir -p data/models \
 && pip install "prefect==${PREFECT}" "prefect-redis==${PREFECT_REDIS}" -e ".[${EXTRAS}]"
COPY . .
RUN pip install --no-deps -e . && python -m compileall -q xltpipe flows tasks

FROM ${BASE}
# optional: the engine "apertium" and the pairs that it knows (docs/apertium.md)
ARG APERTIUM="apertium apertium-eng-spa apertium-eng-cat apertium-en-gl apertium-eo-en \
 apertium-eu-en apertium-es-gl apertium-es-pt apertium-spa-arg apertium-spa-ast apertium-spa-cat"
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends procps ${APERTIUM} \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --create-home --shell /usr/sbin/nologin xltpipe \
 && install -d -o xltpipe -g xltpipe /data
COPY --from=build /opt/xltpipe /opt/xltpipe
COPY --from=build /xltpipe /xltpipe
# the root file system may be read-only: all that is written goes to /data and /tmp
ENV PATH=/opt/xltpipe/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    XLTPIPE_DATA=/data HOME=/tmp PREFECT_HOME=/tmp/prefect
WORKDIR /xltpipe
USER 10001:10001
CMD ["xltpipe", "--help"]

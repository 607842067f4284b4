# The server in a container. It needs REDIS_HOST or REDIS_URL, or keeps its data in /data; its certificate is in /certs.
#
# The last stage has no RUN, so that its base may be one without a shell:
#   docker build --build-arg BASE=denoland/deno:distroless-2.9.6 .
ARG BASE=denoland/deno:2.9.6

FROM denoland/deno:2.9.6 AS build
ENV DENO_DIR=/deno-dir
WORKDIR /app

# The dependencies change less often than the code, so they have a layer of their own.
COPY deno.json deno.lock ./
RUN deno install --frozen --quiet

COPY server.ts admin.ts ./
COPY lib lib
COPY scripts scripts
# Each program runs once: what Deno works out about it is kept, and the start is quicker for it.
RUN deno cache --frozen --quiet server.ts admin.ts scripts/container_setup.ts scripts/healthcheck.ts \
  && deno run --cached-only --no-prompt --v8-flags=--max-semi-space-size=4 -P=server server.ts --help >/dev/null \
  && deno run --cached-only --no-prompt -P=admin admin.ts --help >/dev/null \
  && { deno run --cached-only --no-prompt --allow-read --allow-env scripts/healthcheck.ts 2>/dev/null || true; } \
  && mkdir -p /empty/data /empty/certs && chown -R 1993:1993 /empty /deno-dir

FROM ${BASE}
ENV DENO_DIR=/deno-dir DENO_NO_UPDATE_CHECK=1 NO_COLOR=1
ENV DATA_DIR=/data CERT_FILE=/certs/cert.pem KEY_FILE=/certs/key.pem
# Both are for volumes; without one, a server that finds no certificate makes its own.
COPY --from=build --chown=1993:1993 /empty/data /data
COPY --from=build --chown=1993:1993 /empty/certs /certs
COPY --from=build --chown=1993:1993 /deno-dir /deno-dir
COPY --from=build /app /app
WORKDIR /app
# The image's user deno; as a number, for who insists on one that is not root.
USER 1993:1993

EXPOSE 8000
STOPSIGNAL SIGTERM
# Asks the admin port by bash, since starting Deno takes six times as long. A base without a shell needs another one: --health-cmd, or
#   deno run --cached-only --no-prompt --allow-net=127.0.0.1 --allow-env --allow-read scripts/healthcheck.ts
HEALTHCHECK --interval=5s --timeout=5s --start-period=60s --retries=3 CMD ["bash", "scripts/healthcheck.sh"]

# Said in full, as the images that go by this name differ in their entry points. The permissions are those of -P=server,
# of which Deno would warn in a line that is no JSON.
ENTRYPOINT ["deno", "run", "--cached-only", "--no-prompt", "--v8-flags=--max-semi-space-size=4", \
  "--allow-net", "--allow-read", "--allow-write", "--allow-env", "--allow-sys=hostname", "--allow-ffi", "server.ts"]
CMD []

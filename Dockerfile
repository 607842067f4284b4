# The server in a container. It needs REDIS_HOST or REDIS_URL, or keeps its data in /data; its certificate is in /certs.
FROM denoland/deno:2.9.6

# Both are for volumes; without one, a server that finds no certificate makes its own.
RUN mkdir -p /data /certs && chown deno:deno /data /certs
ENV DATA_DIR=/data CERT_FILE=/certs/cert.pem KEY_FILE=/certs/key.pem

WORKDIR /app
USER deno

# The dependencies change less often than the code, so they have a layer of their own.
COPY deno.json deno.lock ./
RUN deno install --frozen --quiet

COPY server.ts ./
COPY lib lib
COPY scripts scripts
RUN deno cache --frozen --quiet server.ts scripts/container_certs.ts scripts/healthcheck.ts

EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 \
  CMD ["deno", "run", "--cached-only", "--no-prompt", "--allow-net=127.0.0.1", "--allow-env", "--allow-read", "scripts/healthcheck.ts"]

# Said in full, as the images that go by this name differ in their entry points.
ENTRYPOINT ["deno", "run", "--cached-only", "--no-prompt", "-P=server", "server.ts"]
CMD []

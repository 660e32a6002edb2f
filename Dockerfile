# Reactor in a container: the executable, a user, a data volume. Build the executable first:
#   bun run build --target linux-x64 --outfile dist/reactor && docker build -t reactor .
FROM debian:bookworm-slim

RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libstdc++6 tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/reactor --create-home reactor \
    && install -d -o reactor -g reactor /data /app

COPY --chmod=0755 dist/reactor /usr/local/bin/reactor

USER reactor
WORKDIR /app
VOLUME ["/data"]
EXPOSE 7890

# Inside a container the server must be reachable from outside it; publish the port deliberately.
ENV REACTOR_SERVER__HOST=0.0.0.0

HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["reactor", "status", "--data-dir", "/data", "--output", "json"]

STOPSIGNAL SIGTERM
ENTRYPOINT ["reactor"]
CMD ["serve", "--data-dir", "/data"]

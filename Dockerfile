# syntax=docker/dockerfile:1.7
# One build, one image for each role: docker build --target gateway|worker|ops .

FROM rust:1.95.0-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
COPY console console
COPY desk desk
COPY domain domain
COPY envelope envelope
COPY fake-stripe fake-stripe
COPY gateway gateway
COPY ledger ledger
COPY marketplace marketplace
COPY migrations migrations
COPY ops ops
COPY shared shared
COPY stripe-api stripe-api
COPY stripe-sim stripe-sim
COPY worker worker
# Members of the workspace that no image holds: Cargo wants to read their manifests, and that their targets exist.
COPY bench/Cargo.toml bench/
COPY tests/Cargo.toml tests/
RUN install -D /dev/null bench/src/main.rs \
    && install -D /dev/null tests/src/lib.rs \
    && install -D /dev/null tests/it/main.rs
# Crates and what was compiled are kept between builds by the two caches, without a layer of their own; binaries
# must leave the cached folder within the same step.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    cargo build --release --locked --package gateway --package worker --package ops --bins \
    && install -D --strip --target-directory=/out target/release/tidegate-gateway target/release/tidegate-worker target/release/tidegate

# libc and libgcc, the roots of TLS, and nothing else: no shell, no package manager. Of the same Debian as the build.
FROM gcr.io/distroless/cc-debian12:nonroot@sha256:9dac0a79194e45a7da0158a9c6da57b217585af0786db3845d1f0ec1a0dd182f AS runtime
# A number, as Kubernetes cannot tell whether a name is root.
USER 65532:65532

FROM runtime AS gateway
COPY --from=build /out/tidegate-gateway /usr/local/bin/tidegate-gateway
EXPOSE 8080 8081
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["/usr/local/bin/tidegate-gateway", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/tidegate-gateway"]

# With `tidegate` beside it, for people on call: it then has the worker's settings and network.
FROM runtime AS worker
COPY --from=build /out/tidegate-worker /usr/local/bin/tidegate-worker
COPY --from=build /out/tidegate /usr/local/bin/tidegate
EXPOSE 8082
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["/usr/local/bin/tidegate-worker", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/tidegate-worker"]

# It runs what ends by itself, as `migrate`. Where it runs `up`: `tidegate healthcheck`.
FROM runtime AS ops
COPY --from=build /out/tidegate /usr/local/bin/tidegate
ENTRYPOINT ["/usr/local/bin/tidegate"]

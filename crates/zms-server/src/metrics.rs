//! Counts for Prometheus, in the OpenMetrics text format. No label tells of a vault or a caller.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// What is told of a request.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    method: &'static str,
    route: &'static str,
    status: u16,
}

/// What is told of how long it took.
#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RouteLabel {
    route: &'static str,
}

/// What is counted.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Labels, Counter>,
    seconds: Family<RouteLabel, Histogram, fn() -> Histogram>,
    active: Gauge,
    pub(crate) connections: Gauge,
    pub(crate) commits: Counter,
    pub(crate) handshakes_failed: Counter,
    pub(crate) connections_refused: Counter,
}

/// A method that we know: any other is its sender's word.
pub(crate) fn method(method: &Method) -> &'static str {
    let known = ["GET", "POST", "PUT", "PATCH", "DELETE", "LIST", "HEAD", "OPTIONS"];
    known.into_iter().find(|known| method.as_str() == *known).unwrap_or("other")
}

/// One request that is being answered.
pub(crate) struct Active(Gauge);

impl Drop for Active {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn buckets() -> Histogram {
    Histogram::new([
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 60.0,
    ])
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut registry = Registry::with_prefix("zms");
        let requests = Family::default();
        let seconds: Family<_, _, fn() -> Histogram> = Family::new_with_constructor(buckets);
        let (active, connections) = (Gauge::default(), Gauge::default());
        let (commits, handshakes_failed) = (Counter::default(), Counter::default());
        registry.register("requests", "Requests answered", Family::clone(&requests));
        registry.register("request_seconds", "Time to an answer", Family::clone(&seconds));
        registry.register("requests_active", "Requests being answered", active.clone());
        registry.register("connections", "Connections open", connections.clone());
        registry.register("commits", "Commits kept", commits.clone());
        let failed = handshakes_failed.clone();
        registry.register("tls_handshakes_failed", "TLS handshakes that failed", failed);
        let connections_refused = Counter::default();
        let refused = connections_refused.clone();
        let help = "Connections refused, as their address had too many";
        registry.register("connections_refused", help, refused);
        Self {
            registry,
            requests,
            seconds,
            active,
            connections,
            commits,
            handshakes_failed,
            connections_refused,
        }
    }

    pub(crate) fn begin(&self) -> Active {
        self.active.inc();
        Active(self.active.clone())
    }

    pub(crate) fn end(
        &self,
        method: &Method,
        route: &'static str,
        status: StatusCode,
        took: Duration,
    ) {
        let method = self::method(method);
        let labels = Labels { method, route, status: status.as_u16() };
        self.requests.get_or_create(&labels).inc();
        self.seconds.get_or_create(&RouteLabel { route }).observe(took.as_secs_f64());
    }

    /// All of it as text.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("a string takes every line");
        text
    }
}

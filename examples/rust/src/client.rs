//! Calls to the upstream over HTTP.

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::{Method, Request};
use hyper_util::client::legacy::{Client as Hyper, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

pub struct Client {
    http: Hyper<HttpConnector, Empty<Bytes>>,
    url: String,
    timeout: Duration,
}

/// Why a call gave nothing.
#[derive(Debug)]
pub enum Failure {
    Status(u16),
    Timeout,
    Connection(String),
}

/// What the upstream says it received.
#[derive(Debug, Default, Deserialize)]
pub struct Stats {
    pub total: u64,
    pub by_phase: BTreeMap<String, u64>,
    pub by_tag: BTreeMap<String, u64>,
    pub most_in_line: u64,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "status {status}"),
            Self::Timeout => f.write_str("timeout"),
            Self::Connection(why) => write!(f, "connection: {why}"),
        }
    }
}

impl std::error::Error for Failure {}

impl Client {
    pub fn new(url: &str, timeout: Duration) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        // A call that is sent again behind our back would be one that the breaker never admitted.
        let http = Hyper::builder(TokioExecutor::new()).retry_canceled_requests(false).build(connector);
        Self { http, url: url.into(), timeout }
    }

    /// The call that the demo is about; the upstream counts it under the tag.
    pub async fn work(&self, tag: &str) -> Result<(), Failure> {
        self.work_within(self.timeout, tag).await
    }

    /// The same, with a timeout of its own.
    pub async fn work_within(&self, timeout: Duration, tag: &str) -> Result<(), Failure> {
        let began = Instant::now();
        let answer = tokio::time::timeout(timeout, self.send(Method::GET, &format!("/work?tag={tag}"))).await;
        // An answer that was there when a late timer fired is too late all the same.
        if began.elapsed() > timeout {
            return Err(Failure::Timeout);
        }
        match answer {
            Err(_) => Err(Failure::Timeout),
            Ok(Err(why)) => Err(Failure::Connection(why)),
            Ok(Ok((200, _))) => Ok(()),
            Ok(Ok((status, _))) => Err(Failure::Status(status)),
        }
    }

    /// Lets the calls of a tag, or all others, stay in a phase.
    pub async fn force(&self, phase: &str, tag: Option<&str>) -> Result<(), String> {
        let tag = tag.map(|tag| format!("?tag={tag}")).unwrap_or_default();
        self.expect(Method::POST, &format!("/phase/{phase}{tag}")).await.map(drop)
    }

    /// Begins the script again.
    pub async fn start(&self) -> Result<(), String> {
        self.expect(Method::POST, "/start").await.map(drop)
    }

    pub async fn stats(&self) -> Result<Stats, String> {
        let body = self.expect(Method::GET, "/stats").await?;
        serde_json::from_slice(&body).map_err(|e| format!("/stats: {e}"))
    }

    async fn expect(&self, method: Method, path: &str) -> Result<Bytes, String> {
        match self.send(method, path).await {
            Ok((200, body)) => Ok(body),
            Ok((status, _)) => Err(format!("{path}: status {status}")),
            Err(why) => Err(format!("{path}: {why}")),
        }
    }

    async fn send(&self, method: Method, path: &str) -> Result<(u16, Bytes), String> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.url))
            .body(Empty::new())
            .map_err(|e| e.to_string())?;
        let response = self.http.request(request).await.map_err(|e| e.to_string())?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.map_err(|e| e.to_string())?;
        Ok((status, body.to_bytes()))
    }
}

//! A real HTTP client for the tests.

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::{Method, Request};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// Calls one service.
#[derive(Clone)]
pub struct Caller {
    url: String,
    client: Client<HttpConnector, Empty<Bytes>>,
}

impl Caller {
    pub fn new(url: &str) -> Self {
        Self { url: url.into(), client: Client::builder(TokioExecutor::new()).build_http() }
    }

    /// The status and the body's text.
    pub async fn text(&self, method: Method, path: &str) -> (u16, String) {
        let request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        let response = self.client.request(request.body(Empty::new()).unwrap()).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        let (status, text) = self.text(Method::GET, path).await;
        (status, serde_json::from_str(&text).unwrap())
    }

    pub async fn post(&self, path: &str) -> (u16, Value) {
        let (status, text) = self.text(Method::POST, path).await;
        (status, serde_json::from_str(&text).unwrap())
    }
}

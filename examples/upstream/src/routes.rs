//! The HTTP face: it parses, asks the stage and renders.

use crate::stage::{Now, Stage, Stats};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

const ROUTES: &str =
    "GET /work[?tag=TEXT], GET /phase, GET /stats, POST /start, POST /phase/{name}, GET /healthz";

pub(crate) fn router(stage: Stage) -> Router {
    Router::new()
        .route("/work", get(work))
        .route("/phase", get(phase))
        .route("/stats", get(stats))
        .route("/start", post(start))
        .route("/phase/{name}", post(force))
        .route("/healthz", get(async || "ok\n"))
        .fallback(async || refuse(StatusCode::NOT_FOUND, &format!("no such route; there are {ROUTES}")))
        .method_not_allowed_fallback(async || {
            refuse(StatusCode::METHOD_NOT_ALLOWED, &format!("no such method here; there are {ROUTES}"))
        })
        .with_state(Arc::new(stage))
}

type Shared = State<Arc<Stage>>;

#[derive(Deserialize)]
struct WorkQuery {
    tag: Option<String>,
}

async fn work(State(stage): Shared, Query(query): Query<WorkQuery>) -> Response {
    let (phase, answer) = match stage.receive(query.tag.as_deref()) {
        Ok(received) => received,
        Err(message) => return refuse(StatusCode::BAD_REQUEST, &message),
    };
    let _worker = stage.worker(phase).await;
    tokio::time::sleep(answer.latency).await;
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(json!({ "phase": phase, "status": status.as_u16() }))).into_response()
}

async fn phase(State(stage): Shared) -> Json<Now> {
    Json(stage.now())
}

async fn stats(State(stage): Shared) -> Json<Stats> {
    Json(stage.stats())
}

async fn start(State(stage): Shared) -> Json<Now> {
    stage.restart();
    Json(stage.now())
}

async fn force(State(stage): Shared, Path(name): Path<String>) -> Response {
    match stage.force(&name) {
        Ok(()) => Json(stage.now()).into_response(),
        Err(message) => refuse(StatusCode::NOT_FOUND, &message),
    }
}

fn refuse(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": message }))).into_response()
}

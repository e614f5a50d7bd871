//! The HTTP face: it parses, asks the stage and renders.

use crate::stage::{Now, Refused, Stage, Stats};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

const ROUTES: &str =
    "GET /work[?tag=TEXT], GET /phase, GET /stats, POST /start, POST /phase/{name}[?tag=TEXT], GET /healthz";

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
struct Tagged {
    tag: Option<String>,
}

async fn work(State(stage): Shared, Query(query): Query<Tagged>) -> Response {
    let (phase, answer) = match stage.receive(query.tag.as_deref()) {
        Ok(received) => received,
        Err(message) => return refuse(StatusCode::BAD_REQUEST, &message),
    };
    let status = if stage.works_off(phase) {
        // A task of its own goes on when the caller is gone, and this future with it.
        let stage = Arc::clone(&stage);
        tokio::spawn(async move { stage.perform(phase, answer).await }).await.unwrap_or(500)
    } else {
        stage.perform(phase, answer).await
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(json!({ "phase": stage.name(phase), "status": status.as_u16() }))).into_response()
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

async fn force(State(stage): Shared, Path(name): Path<String>, Query(query): Query<Tagged>) -> Response {
    match stage.force(&name, query.tag.as_deref()) {
        Ok(()) => Json(stage.now()).into_response(),
        Err(Refused::NoPhase(message)) => refuse(StatusCode::NOT_FOUND, &message),
        Err(Refused::Tag(message)) => refuse(StatusCode::BAD_REQUEST, &message),
    }
}

fn refuse(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "error": message }))).into_response()
}

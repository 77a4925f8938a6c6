//! The `serve-model` command: an HTTP server for one model. The model has a thread of its own;
//! requests wait in a bounded queue, and classification requests are batched.

use super::{Classified, DEFAULT_TOP_K, MAX_TEXTS, Service, checked_top_k, error_json, openapi};
use crate::args::{Common, ServeModel};
use crate::terminal::output;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use engine::error::Error;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use protocol::{Setting, message};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot};

/// Maximum size of a request body in bytes.
const MAX_BODY_BYTES: usize = 1 << 20;
/// Maximum number of open connections; more wait until one is closed.
const MAX_CONNECTIONS: usize = 512;
/// Maximum number of requests that wait for the model; more are rejected.
const MAX_WAITING: usize = 1024;
/// Number of texts in a batch at which no further request is added to it.
const BATCH_TEXTS: usize = 64;
/// Time limit for a client to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Time limit for a request as a whole.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// Host names that a server on a loopback address accepts.
const LOCAL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// A request to the model thread, with the channel for its answer.
enum Job {
    Classify {
        texts: Vec<String>,
        top_k: Option<usize>,
        reply: Reply<Vec<Classified>>,
    },
    FillMask {
        text: String,
        top_k: usize,
        reply: Reply<Value>,
    },
    Similar {
        text: String,
        top_k: usize,
        reply: Reply<Value>,
    },
}

/// The channel for the answer to a job.
type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// An error response with a status and a JSON body.
struct Refusal {
    status: StatusCode,
    body: Value,
}

impl Refusal {
    fn new(status: StatusCode, code: &str, message: &str, hint: &str) -> Self {
        Self {
            status,
            body: error_json(code, message, hint),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}

/// State that all request handlers share.
#[derive(Clone)]
struct Shared {
    jobs: mpsc::Sender<Job>,
    described: Arc<Value>,
    /// Whether the server listens on a loopback address. A request must then name a local host, so
    /// that a web page cannot reach the server through DNS rebinding.
    is_local: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClassifyBody {
    text: Option<String>,
    texts: Option<Vec<String>>,
    top_k: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TextBody {
    text: String,
    top_k: Option<usize>,
}

/// Runs the `serve-model` command. Returns only on failure.
///
/// # Errors
/// Returns an error if the model cannot be loaded or the address cannot be used.
pub fn serve_model(common: &Common, args: &ServeModel) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| no_server("the server cannot be started", &error))?;
    runtime.block_on(serve(common, args))
}

async fn serve(common: &Common, args: &ServeModel) -> Result<(), Error> {
    let address = SocketAddr::new(args.host, args.port);
    let busy = |error| no_server(&format!("{address} cannot be used"), &error);
    let listener = TcpListener::bind(address).await.map_err(busy)?;
    let address = listener.local_addr().map_err(busy)?;
    let (jobs, queue) = mpsc::channel(MAX_WAITING);
    let (ready, loaded) = oneshot::channel();
    let (common, served) = (common.clone(), args.served.clone());
    std::thread::spawn(move || match Service::open(&common, &served) {
        Ok(service) => {
            if ready.send(Ok(service.described())).is_ok() {
                work(service, queue);
            }
        }
        Err(error) => drop(ready.send(Err(error))),
    });
    let described = loaded.await.map_err(|_| stopped())??;
    let shared = Shared {
        jobs,
        described: Arc::new(described),
        is_local: args.host.is_loopback(),
    };
    // A parent process can read the address from stdout.
    output::result(&format!(
        "Serving {} at http://{address}/\n",
        args.served.model.path().display()
    ))?;
    accept(listener, router(shared)).await
}

/// Accepts connections and serves each in a task of its own.
async fn accept(listener: TcpListener, router: Router) -> Result<(), Error> {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let permit = permits
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| stopped())?;
        let Ok((stream, _)) = listener.accept().await else {
            // For example too many open files: retry after other connections have ended.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let mut http =
                hyper_util::server::conn::auto::Builder::new(TokioExecutor::new()).http1_only();
            http.http1()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT);
            // An error of one connection, such as a client that disconnects, does not concern the
            // server.
            let _ = http.serve_connection(TokioIo::new(stream), service).await;
            drop(permit);
        });
    }
}

async fn description(State(shared): State<Shared>) -> Json<Value> {
    Json(openapi::document(&shared.described))
}

fn router(shared: Shared) -> Router {
    Router::new()
        .route(
            "/healthz",
            get(async |State(shared): State<Shared>| Json(shared.described.as_ref().clone())),
        )
        .route("/", get(description))
        .route("/openapi.json", get(description))
        .route("/classify", post(classify))
        .route("/fill-mask", post(fill_mask))
        .route("/similar", post(similar))
        .fallback(async || {
            Refusal::new(
                StatusCode::NOT_FOUND,
                "not-found",
                "there is no such path",
                "See /openapi.json.",
            )
        })
        .method_not_allowed_fallback(async || {
            Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "bad-method",
                "the method is not allowed for this path",
                "See /openapi.json.",
            )
        })
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(shared.clone(), guard))
        .with_state(shared)
}

/// Rejects requests that name another host or announce too large a body, and ends those that take
/// too long.
async fn guard(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    if shared.is_local && !names_this_machine(request.headers()) {
        let message = "the Host header does not name this machine";
        let hint = "Use 127.0.0.1 or localhost.";
        return Refusal::new(StatusCode::MISDIRECTED_REQUEST, "other-host", message, hint)
            .into_response();
    }
    let length = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > MAX_BODY_BYTES as u64) {
        return body_too_large().into_response();
    }
    let answered = tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await;
    answered.unwrap_or_else(|_| {
        let message = format!(
            "the request took longer than {} s",
            REQUEST_TIMEOUT.as_secs()
        );
        Refusal::new(
            StatusCode::REQUEST_TIMEOUT,
            "timeout",
            &message,
            "Send a smaller request.",
        )
        .into_response()
    })
}

fn names_this_machine(headers: &HeaderMap) -> bool {
    let Some(host) = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
    else {
        return false;
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => name,
        _ => host,
    };
    LOCAL_NAMES
        .iter()
        .any(|local| name.eq_ignore_ascii_case(local))
}

/// A JSON response, or an error response.
type Answer = Result<Json<Value>, Refusal>;

async fn classify(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: Result<Bytes, BodyError>,
) -> Answer {
    let body: ClassifyBody = read(&headers, body)?;
    let texts = match (body.text, body.texts) {
        (Some(text), None) => vec![text],
        (None, Some(texts)) if (1..=MAX_TEXTS).contains(&texts.len()) => texts,
        _ => {
            let message =
                format!("the body must have text, or texts with 1 to {MAX_TEXTS} entries");
            return Err(Refusal::new(
                StatusCode::BAD_REQUEST,
                "bad-body",
                &message,
                "See /openapi.json.",
            ));
        }
    };
    let top_k = checked_top_k(body.top_k).map_err(|error| failed(&error))?;
    let results = submit(&shared, |reply| Job::Classify {
        texts,
        top_k,
        reply,
    })
    .await?;
    Ok(Json(json!({ "results": results })))
}

async fn fill_mask(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: Result<Bytes, BodyError>,
) -> Answer {
    answer_text(&shared, &headers, body, |text, top_k, reply| {
        Job::FillMask { text, top_k, reply }
    })
    .await
}

async fn similar(
    State(shared): State<Shared>,
    headers: HeaderMap,
    body: Result<Bytes, BodyError>,
) -> Answer {
    answer_text(&shared, &headers, body, |text, top_k, reply| Job::Similar {
        text,
        top_k,
        reply,
    })
    .await
}

async fn answer_text(
    shared: &Shared,
    headers: &HeaderMap,
    body: Result<Bytes, BodyError>,
    job: impl FnOnce(String, usize, Reply<Value>) -> Job,
) -> Answer {
    let TextBody { text, top_k } = read(headers, body)?;
    let top_k = checked_top_k(top_k)
        .map_err(|error| failed(&error))?
        .unwrap_or(DEFAULT_TOP_K);
    submit(shared, |reply| job(text, top_k, reply))
        .await
        .map(Json)
}

type BodyError = axum::extract::rejection::BytesRejection;

/// Parses a JSON request body.
fn read<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Result<Bytes, BodyError>,
) -> Result<T, Refusal> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let is_json = kind
        .split(';')
        .next()
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
    if !is_json {
        let (message, hint) = (
            "the body must be JSON",
            "Send Content-Type: application/json.",
        );
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "not-json",
            message,
            hint,
        ));
    }
    let body = body.map_err(|error| {
        if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
            return body_too_large();
        }
        Refusal::new(
            error.status(),
            "bad-body",
            "the body could not be read",
            "Send it again.",
        )
    })?;
    serde_json::from_slice(&body).map_err(|error| {
        Refusal::new(
            StatusCode::BAD_REQUEST,
            "bad-body",
            &error.to_string(),
            "See /openapi.json.",
        )
    })
}

/// Queues a job for the model and waits for its answer.
async fn submit<T>(shared: &Shared, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, Refusal> {
    let (reply, answer) = oneshot::channel();
    shared.jobs.try_send(job(reply)).map_err(|_| {
        let hint = "Try again in a moment.";
        Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "busy",
            "too many requests are waiting for the model",
            hint,
        )
    })?;
    match answer.await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(failed(&error)),
        Err(_) => Err(failed(&stopped())),
    }
}

/// Answers jobs on the model thread until the queue is closed.
fn work(mut service: Service, mut queue: mpsc::Receiver<Job>) {
    let mut next = None;
    while let Some(job) = next.take().or_else(|| queue.blocking_recv()) {
        match job {
            Job::Classify {
                texts,
                top_k,
                reply,
            } => {
                let mut waiting = vec![(texts.len(), reply)];
                let mut all = texts;
                while all.len() < BATCH_TEXTS {
                    match queue.try_recv() {
                        Ok(Job::Classify {
                            texts,
                            top_k: other,
                            reply,
                        }) if other == top_k => {
                            waiting.push((texts.len(), reply));
                            all.extend(texts);
                        }
                        other => {
                            next = other.ok();
                            break;
                        }
                    }
                }
                classify_batch(&mut service, &all, top_k, waiting);
            }
            // A client that has disconnected needs no answer.
            Job::FillMask { text, top_k, reply } => {
                drop(reply.send(service.fill_mask(&text, top_k)))
            }
            Job::Similar { text, top_k, reply } => drop(reply.send(service.similar(&text, top_k))),
        }
    }
}

fn classify_batch(
    service: &mut Service,
    texts: &[String],
    top_k: Option<usize>,
    waiting: Vec<(usize, Reply<Vec<Classified>>)>,
) {
    match service.classify(texts, top_k) {
        Ok(answers) => {
            let mut answers = answers.into_iter();
            for (count, reply) in waiting {
                // A client that has disconnected needs no answer.
                drop(reply.send(Ok(answers.by_ref().take(count).collect())));
            }
        }
        Err(error) => waiting
            .into_iter()
            .for_each(|(_, reply)| drop(reply.send(Err(error.clone())))),
    }
}

fn body_too_large() -> Refusal {
    let message = format!("the body is larger than {} MiB", MAX_BODY_BYTES >> 20);
    Refusal::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body-too-large",
        &message,
        "Send fewer texts at once.",
    )
}

/// Converts an error to a response: status 400 if the request caused it, otherwise 500.
fn failed(error: &Error) -> Refusal {
    let is_client_error = error.exit_code() == 2;
    let status = if is_client_error {
        StatusCode::BAD_REQUEST
    } else {
        StatusCode::INTERNAL_SERVER_ERROR
    };
    Refusal::new(
        status,
        error.code(),
        &error.to_string(),
        &error.hint().to_string(),
    )
}

fn stopped() -> Error {
    Error::Failed {
        message: message!("the model is no longer running"),
        hint: message!("Start the server again."),
    }
}

fn no_server(what: &str, error: &std::io::Error) -> Error {
    Error::Io {
        message: message!("{what}: {error}", what, error = error.to_string()),
        hint: message!(
            "Choose another {port} or {host}.",
            port = Setting::named("port"),
            host = Setting::named("host")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_local_host_names_are_accepted() {
        let named = |host: &str| {
            let headers = HeaderMap::from_iter([(header::HOST, host.parse().expect("a header"))]);
            names_this_machine(&headers)
        };
        assert!(
            [
                "localhost",
                "LOCALHOST:8000",
                "127.0.0.1:8000",
                "[::1]:80",
                "[::1]"
            ]
            .into_iter()
            .all(named)
        );
        assert!(
            !["example.org", "127.0.0.1.example.org:80", "localhost.", ""]
                .into_iter()
                .any(named)
        );
        assert!(!names_this_machine(&HeaderMap::new()));
    }
}

//! A static file server for the local machine: GET and HEAD, correct media types, the security
//! headers that a page cannot set itself, and no access outside its folder. Browsers revalidate
//! each file, since a build replaces files under the same names.
//!
//! One thread per connection, one request per connection. [`LIMITS`] bounds the number of
//! connections, the size of a request and the time.

mod connection;
mod files;
mod policy;
mod request;
mod response;

use crate::error::Error;
use connection::Slots;
use request::Refusal;
use response::Response;
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Limits on what a client, or all clients together, can use of the server.
#[derive(Clone, Copy)]
struct Limits {
    /// Maximum number of simultaneous connections; further ones are refused.
    connections: usize,
    /// Maximum size of a request line with its headers, in bytes.
    request_bytes: usize,
    /// Time limit for receiving a request, and for sending each chunk of a response.
    timeout: Duration,
}

/// Limits of `cargo xtask serve`. A browser opens six connections to a host and sends about 1 kB of
/// headers.
const LIMITS: Limits = Limits {
    connections: 64,
    request_bytes: 16 << 10,
    timeout: Duration::from_secs(10),
};

/// Pause after a connection that could not be accepted, e.g. because all file descriptors are in
/// use.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The served folder, the port and the limits.
struct Site {
    folder: PathBuf,
    port: u16,
    limits: Limits,
}

/// Binds the port; 0 selects a free one.
///
/// # Errors
/// Returns [`Error::Port`] if the port is in use or not permitted.
pub fn listen(port: u16) -> Result<TcpListener, Error> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|source| Error::Port { port, source })
}

/// Prints the address of the page to standard output and serves the folder until the program is
/// terminated.
///
/// # Errors
/// Returns an error if the folder is missing or the listener has no address.
pub fn forever(listener: TcpListener, folder: PathBuf) -> Result<(), Error> {
    std::fs::metadata(&folder).map_err(Error::file("serve", &folder))?;
    let address = listener
        .local_addr()
        .map_err(|source| Error::Port { port: 0, source })?;
    println!("Clozelab is ready at http://{address}/");
    accept(
        &listener,
        &Site {
            folder,
            port: address.port(),
            limits: LIMITS,
        },
    );
    Ok(())
}

/// Serves each connection in its own thread, and refuses those beyond the limit.
fn accept(listener: &TcpListener, site: &Site) {
    let slots = Slots::new(site.limits.connections);
    std::thread::scope(|scope| {
        for accepted in listener.incoming() {
            let Ok(stream) = accepted else {
                std::thread::sleep(ACCEPT_PAUSE);
                continue;
            };
            let Some(slot) = slots.take() else {
                connection::turn_away(&stream, busy());
                continue;
            };
            let serving = move || {
                let _slot = slot;
                // A client that disconnected or was too slow needs no answer.
                let _ = serve(&stream, site);
            };
            // If no thread can be started, the closure is dropped, which closes the connection.
            let _ = std::thread::Builder::new().spawn_scoped(scope, serving);
        }
    });
}

fn busy() -> Response {
    Refusal::new(
        503,
        "too many connections are open; try again in a few seconds",
    )
    .into()
}

/// Reads one request and answers it.
fn serve(stream: &TcpStream, site: &Site) -> io::Result<()> {
    let Limits {
        request_bytes,
        timeout,
        ..
    } = site.limits;
    let read = request::read(&mut connection::until(stream, timeout), request_bytes);
    let (response, has_body) = match read {
        Ok(None) => return Ok(()),
        Ok(Some(request)) => (answer(&request, site), request.method != "HEAD"),
        Err(refusal) => (refusal.into(), true),
    };
    let is_refusal = response.is_error();
    response.send(has_body, |piece| connection::send(stream, piece, timeout))?;
    if is_refusal {
        // If a request was not read to its end, closing the connection would reset it before the
        // client has read the answer.
        connection::drain(stream);
    }
    Ok(())
}

fn answer(request: &request::Request, site: &Site) -> Response {
    if let Err(refusal) = request.check_host(site.port) {
        return refusal.into();
    }
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        return Response::from(Refusal::new(405, "only GET and HEAD are served"))
            .with("Allow", "GET, HEAD");
    }
    match files::find(&site.folder, &request.target)
        .and_then(|path| Some((open(&path, request)?, path)))
    {
        Some((response, path)) => policy::headers(&site.folder)
            .into_iter()
            .fold(response, |response, (name, value)| {
                response.with(name, value)
            })
            .with("Content-Type", files::media_type(&path))
            .with("Cache-Control", "no-cache")
            .with("Vary", "Accept-Encoding"),
        None => Refusal::new(404, "there is no such file").into(),
    }
}

/// Opens a file, or its compressed form if the client accepts it and the build made one; a version
/// that the client has is not sent again.
fn open(path: &Path, request: &request::Request) -> Option<Response> {
    let packed = files::packed(path).filter(|_| request.accepts_brotli);
    let file = File::open(packed.as_deref().unwrap_or(path)).ok()?;
    let version = files::version(&file.metadata().ok()?, packed.is_some());
    if request.known.as_ref() == Some(&version) {
        return Some(Response::unchanged().with("ETag", version));
    }
    let response = Response::of_file(file).ok()?.with("ETag", version);
    Some(match packed {
        Some(_) => response.with("Content-Encoding", "br"),
        None => response,
    })
}

#[cfg(test)]
mod tests;

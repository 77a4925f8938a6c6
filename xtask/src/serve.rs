//! A static file server for this machine only: GET and HEAD, the right media types, nothing outside its folder. It
//! tells browsers to ask again each time, since a build replaces the files under the same names.

use crate::error::Error;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Component, Path, PathBuf};
use tiny_http::{Header, Method, Request, Response, ResponseBox, Server};

/// Requests served at once. A browser opens six connections to a host.
const THREADS: usize = 8;

/// Takes the port; 0 takes any free one.
///
/// # Errors
/// [`Error::Port`].
pub fn listen(port: u16) -> Result<TcpListener, Error> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|source| Error::Port { port, source })
}

/// Says where the page is, on standard output, and serves the folder until the program is ended.
///
/// # Errors
/// When the folder is not there, or the listener fails.
pub fn forever(listener: TcpListener, folder: PathBuf) -> Result<(), Error> {
    std::fs::metadata(&folder).map_err(Error::file("serve", &folder))?;
    let address = listener.local_addr().map_err(|source| Error::Port { port: 0, source })?;
    let failed = |error| Error::Port { port: address.port(), source: std::io::Error::other(format!("{error}")) };
    let server = Server::from_listener(listener, None).map_err(failed)?;
    println!("Clozelab is ready at http://{address}/");
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| serve(&server, &folder));
        }
    });
    Ok(())
}

fn serve(server: &Server, folder: &Path) {
    while let Ok(request) = server.recv() {
        let response = answer(&request, folder);
        // A visitor who left before the answer is no concern of the server.
        let _ = request.respond(response);
    }
}

fn answer(request: &Request, folder: &Path) -> ResponseBox {
    if !matches!(request.method(), Method::Get | Method::Head) {
        return refusal(405, "only GET and HEAD are served").with_header(header("Allow", "GET, HEAD"));
    }
    match find(folder, request.url()).and_then(|path| Some((File::open(&path).ok()?, path))) {
        Some((file, path)) => Response::from_file(file)
            // Sending a length, not chunks, lets a browser show progress.
            .with_chunked_threshold(usize::MAX)
            .with_header(header("Content-Type", media_type(&path)))
            .with_header(header("Cache-Control", "no-cache"))
            .with_header(header("X-Content-Type-Options", "nosniff"))
            .boxed(),
        None => refusal(404, "there is no such file"),
    }
}

fn refusal(status: u16, reason: &str) -> ResponseBox {
    Response::from_string(format!("{reason}\n")).with_status_code(status).boxed()
}

fn header(name: &str, value: &str) -> Header {
    Header::from_bytes(name, value).expect("names and values are plain ASCII constants")
}

/// The file that a request means, if it lies inside the folder. A link that leads outside is not followed.
fn find(folder: &Path, url: &str) -> Option<PathBuf> {
    let path = decode(url.split(['?', '#']).next()?)?;
    let relative = Path::new(path.trim_start_matches('/'));
    if path.contains(['\\', '\0']) || !relative.components().all(|part| matches!(part, Component::Normal(_))) {
        return None;
    }
    let mut file = folder.join(relative);
    if file.is_dir() {
        file.push("index.html");
    }
    let (file, folder) = (file.canonicalize().ok()?, folder.canonicalize().ok()?);
    (file.starts_with(folder) && file.is_file()).then_some(file)
}

/// Undoes percent-encoding; `None` where it is malformed or not UTF-8.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' { 16 * digit(rest.next()?)? + digit(rest.next()?)? } else { byte });
    }
    String::from_utf8(bytes).ok()
}

fn digit(byte: u8) -> Option<u8> {
    (byte as char).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

fn media_type(path: &Path) -> &'static str {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    match ending.to_ascii_lowercase().as_str() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "json" | "webmanifest" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "gz" => "application/gzip",
        "zip" => "application/zip",
        "safetensors" | "bin" => "application/octet-stream",
        _ => "text/plain; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpStream;

    /// A folder with a file inside it, one beside it, and a link from the inside to the outside.
    fn site() -> PathBuf {
        let root = std::env::temp_dir().join(format!(
            "clozelab-serve-{}-{:?}",
            std::process::id(),
            std::thread::current().id()
        ));
        let site = root.join("site");
        std::fs::create_dir_all(site.join("bundle")).expect("created");
        std::fs::write(root.join("secret.txt"), "secret").expect("written");
        std::fs::write(site.join("index.html"), "<p>page</p>").expect("written");
        std::fs::write(site.join("bundle/a b.txt"), "text").expect("written");
        #[cfg(unix)]
        std::os::unix::fs::symlink(root.join("secret.txt"), site.join("link.txt")).expect("linked");
        site
    }

    #[test]
    fn nothing_outside_the_folder_is_found() {
        let site = site();
        for inside in ["/", "/index.html", "/index.html?seed=3", "/bundle/a%20b.txt"] {
            assert!(find(&site, inside).is_some(), "{inside}");
        }
        let outside = [
            "/../secret.txt",
            "/%2e%2e/secret.txt",
            "/bundle/..%2f..%2fsecret.txt",
            "/..\\secret.txt",
            "/link.txt",
            "//etc/passwd/../passwd",
            "/bundle",
            "/absent.txt",
            "/index.html%00",
            "/%zz",
            "/%f",
        ];
        for url in outside {
            assert_eq!(find(&site, url), None, "{url}");
        }
    }

    fn ask(address: std::net::SocketAddr, line: &str) -> String {
        let mut stream = TcpStream::connect(address).expect("connected");
        write!(stream, "{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("answered");
        text
    }

    #[test]
    fn a_browser_gets_what_it_needs() {
        let site = site();
        let listener = listen(0).expect("a free port");
        let address = listener.local_addr().expect("it has an address");
        std::thread::spawn(move || forever(listener, site));
        let page = ask(address, "GET /");
        assert!(page.starts_with("HTTP/1.1 200") && page.ends_with("<p>page</p>"), "{page}");
        for wanted in ["Content-Type: text/html; charset=utf-8", "Cache-Control: no-cache", "Content-Length: 11"] {
            assert!(page.contains(wanted), "{wanted} is missing in {page}");
        }
        let head = ask(address, "HEAD /index.html");
        assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "{head}");
        assert!(ask(address, "GET /absent").starts_with("HTTP/1.1 404"));
        assert!(ask(address, "POST /").starts_with("HTTP/1.1 405"));
    }

    #[test]
    fn a_port_in_use_is_said_in_words() {
        let taken = listen(0).expect("a free port");
        let port = taken.local_addr().expect("it has an address").port();
        let error = listen(port).expect_err("it is taken").to_string();
        assert_eq!(
            error,
            format!("port {port} is in use by another program; end it or choose another one with --port")
        );
    }

    #[test]
    fn wasm_streams_only_under_its_own_type() {
        assert_eq!(media_type(Path::new("engine_bg.wasm")), "application/wasm");
        assert_eq!(media_type(Path::new("page.js")), "text/javascript; charset=utf-8");
        assert_eq!(media_type(Path::new("LICENSE.wordnet")), "text/plain; charset=utf-8");
    }
}

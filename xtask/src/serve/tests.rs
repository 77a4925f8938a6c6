//! Tests the server over real connections: the answers a browser gets, and the limits on
//! misbehaving clients.

use super::*;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::Instant;

/// Short enough for a test, long enough for a busy machine to answer an ordinary request.
const TIMEOUT: Duration = Duration::from_secs(2);
/// A longer delay means that a client was blocked by others: the time limit, and as much again for
/// a busy machine.
const PROMPT: Duration = Duration::from_secs(4);

/// Creates a folder with files, a file outside of it, and a link from the inside to the outside.
pub fn site(name: &str) -> PathBuf {
    let root = std::env::temp_dir().join(format!("clozelab-serve-{}-{name}", std::process::id()));
    let site = root.join("site");
    std::fs::create_dir_all(site.join("bundle")).expect("created");
    std::fs::write(root.join("secret.txt"), "secret").expect("written");
    std::fs::write(site.join("index.html"), "<p>page</p>").expect("written");
    std::fs::write(site.join("bundle/a b.txt"), "text").expect("written");
    #[cfg(unix)]
    if !site.join("link.txt").exists() {
        std::os::unix::fs::symlink(root.join("secret.txt"), site.join("link.txt")).expect("linked");
    }
    site
}

/// Serves a folder until the tests end.
fn start_server(folder: PathBuf, limits: Limits) -> SocketAddr {
    let listener = listen(0).expect("a free port");
    let address = listener.local_addr().expect("it has an address");
    std::thread::spawn(move || {
        accept(
            &listener,
            &Site {
                folder,
                port: address.port(),
                limits,
            },
        )
    });
    address
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("connected");
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .expect("set");
    stream
}

/// Returns the answer to a request: whatever was read before the server closed the connection.
fn request_with_headers(address: SocketAddr, line: &str, headers: &str) -> String {
    let mut stream = connect(address);
    let _ = write!(stream, "{line} HTTP/1.1\r\n{headers}\r\n");
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn request(address: SocketAddr, line: &str) -> String {
    request_with_headers(
        address,
        line,
        &format!("Host: localhost:{}\r\n", address.port()),
    )
}

fn check_status(text: &str, status: u16) {
    assert!(
        text.starts_with(&format!("HTTP/1.1 {status} ")),
        "{status} expected: {text:?}"
    );
}

#[test]
fn compressed_forms_are_sent_to_clients_that_accept_them() {
    let site = site("packed");
    std::fs::write(site.join("index.html.br"), "packed").expect("written");
    let address = start_server(site, LIMITS);
    let host = format!("Host: localhost:{}\r\n", address.port());
    let ask = |headers: &str| request_with_headers(address, "GET /", &format!("{host}{headers}"));
    let plain = ask("Accept-Encoding: gzip\r\n");
    assert!(plain.ends_with("\r\n\r\n<p>page</p>"), "{plain}");
    let packed = ask("Accept-Encoding: gzip, br\r\n");
    assert!(packed.contains("\r\nContent-Encoding: br\r\n"), "{packed}");
    assert!(packed.ends_with("\r\n\r\npacked"), "{packed}");
}

#[test]
fn a_version_that_the_client_has_is_not_sent_again() {
    let address = start_server(site("versions"), LIMITS);
    let host = format!("Host: localhost:{}\r\n", address.port());
    let ask = |headers: &str| request_with_headers(address, "GET /", &format!("{host}{headers}"));
    let first = ask("");
    let tag = first.lines().find_map(|line| line.strip_prefix("ETag: "));
    let again = ask(&format!("If-None-Match: {}\r\n", tag.expect("a tag")));
    check_status(&again, 304);
    assert!(again.ends_with("\r\n\r\n"), "no body: {again}");
    check_status(&ask("If-None-Match: \"other\"\r\n"), 200);
}

#[test]
fn responses_have_the_required_headers() {
    let address = start_server(site("browser"), LIMITS);
    let page = request(address, "GET /");
    assert!(
        page.starts_with("HTTP/1.1 200") && page.ends_with("<p>page</p>"),
        "{page}"
    );
    for expected in [
        "Content-Type: text/html; charset=utf-8",
        "Cache-Control: no-cache",
        "Content-Length: 11",
        "Content-Security-Policy: frame-ancestors 'none'",
        "Cross-Origin-Opener-Policy: same-origin",
        "X-Content-Type-Options: nosniff",
        "Referrer-Policy: no-referrer",
        "Permissions-Policy: camera=()",
    ] {
        assert!(
            page.contains(&format!("\r\n{expected}")),
            "{expected} is missing in {page}"
        );
    }
    let head = request(address, "HEAD /index.html");
    assert!(
        head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
    check_status(&request(address, "GET /absent"), 404);
    check_status(&request(address, "POST /"), 405);
}

#[test]
fn other_hosts_are_refused_with_a_reason() {
    let address = start_server(site("host"), LIMITS);
    let text = request_with_headers(address, "GET /", "Host: rebound.example\r\n");
    check_status(&text, 421);
    assert!(
        text.contains(&format!(
            "this server answers to 127.0.0.1:{}",
            address.port()
        )),
        "{text}"
    );
    check_status(&request_with_headers(address, "GET /", ""), 400);
}

#[test]
fn large_heads_are_refused() {
    let address = start_server(site("large"), LIMITS);
    let headers = |bytes: usize| {
        format!(
            "Host: localhost:{}\r\nX: {}\r\n",
            address.port(),
            "x".repeat(bytes)
        )
    };
    check_status(
        &request_with_headers(address, "GET /", &headers(15 << 10)),
        200,
    );
    check_status(
        &request_with_headers(address, "GET /", &headers(17 << 10)),
        431,
    );
}

#[test]
fn stalled_clients_do_not_block_others() {
    let site = site("unread");
    // More than a connection's buffers can hold.
    std::fs::write(site.join("large.bin"), vec![0; 64 << 20]).expect("written");
    let address = start_server(site.clone(), LIMITS);
    let stalled: Vec<TcpStream> = (0..12).map(|_| connect(address)).collect();
    for mut stream in &stalled {
        write!(
            stream,
            "GET /large.bin HTTP/1.1\r\nHost: localhost:{}\r\n\r\n",
            address.port()
        )
        .expect("sent");
    }
    let begin = Instant::now();
    check_status(&request(address, "GET /"), 200);
    assert!(
        begin.elapsed() < PROMPT,
        "answered after {:?}",
        begin.elapsed()
    );
    drop(stalled);
    std::fs::remove_file(site.join("large.bin")).expect("removed");
}

#[test]
fn slow_clients_are_dropped_and_free_their_slots() {
    let site = site("slow");
    std::fs::write(site.join("large.bin"), vec![0; 64 << 20]).expect("written");
    let address = start_server(
        site.clone(),
        Limits {
            connections: 3,
            timeout: TIMEOUT,
            ..LIMITS
        },
    );
    let (silent, mut writer, mut reader) = (connect(address), connect(address), connect(address));
    write!(writer, "GET / HTTP/1.1\r\n").expect("sent");
    write!(
        reader,
        "GET /large.bin HTTP/1.1\r\nHost: localhost:{}\r\n\r\n",
        address.port()
    )
    .expect("sent");
    // All three slots are taken once the server has accepted the connections, in this order.
    for _ in 0..3 {
        check_status(&request(address, "GET /"), 503);
    }
    let end = |mut stream: &TcpStream| {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        bytes
    };
    assert_eq!(end(&silent), b"");
    check_status(&String::from_utf8_lossy(&end(&writer)), 408);
    // The last chunk to `reader` was started before `writer` timed out.
    std::thread::sleep(TIMEOUT);
    check_status(&request(address, "GET /"), 200);
    assert!(
        end(&reader).len() < 64 << 20,
        "the response to a client that did not read is cut"
    );
    std::fs::remove_file(site.join("large.bin")).expect("removed");
}

#[test]
fn port_in_use_is_explained() {
    let taken = listen(0).expect("a free port");
    let port = taken.local_addr().expect("it has an address").port();
    let error = listen(port).expect_err("it is taken").to_string();
    assert_eq!(
        error,
        format!(
            "port {port} is in use by another program; end it or choose another one with --port"
        )
    );
}

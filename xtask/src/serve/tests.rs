//! The server over real connections: what a browser gets, and what a client that misbehaves cannot take.

use super::*;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::Instant;

/// Short enough for a test, long enough for a busy machine to answer an ordinary request.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Beyond this a client was blocked by others: the time limit, and as much again for a busy machine.
const PROMPT: Duration = Duration::from_secs(4);

/// A folder with files inside it, one beside it, and a link from the inside to the outside.
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
fn started(folder: PathBuf, limits: Limits) -> SocketAddr {
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

fn connected(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("connected");
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .expect("set");
    stream
}

/// The answer to a request; what was read before the server closed the connection, however it did.
fn ask_as(address: SocketAddr, line: &str, headers: &str) -> String {
    let mut stream = connected(address);
    let _ = write!(stream, "{line} HTTP/1.1\r\n{headers}\r\n");
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn ask(address: SocketAddr, line: &str) -> String {
    ask_as(
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
fn a_browser_gets_what_it_needs() {
    let address = started(site("browser"), LIMITS);
    let page = ask(address, "GET /");
    assert!(
        page.starts_with("HTTP/1.1 200") && page.ends_with("<p>page</p>"),
        "{page}"
    );
    for wanted in [
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
            page.contains(&format!("\r\n{wanted}")),
            "{wanted} is missing in {page}"
        );
    }
    let head = ask(address, "HEAD /index.html");
    assert!(
        head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
    check_status(&ask(address, "GET /absent"), 404);
    check_status(&ask(address, "POST /"), 405);
}

#[test]
fn another_host_is_told_why_it_gets_nothing() {
    let address = started(site("host"), LIMITS);
    let text = ask_as(address, "GET /", "Host: rebound.example\r\n");
    check_status(&text, 421);
    assert!(
        text.contains(&format!(
            "this server answers to 127.0.0.1:{}",
            address.port()
        )),
        "{text}"
    );
    check_status(&ask_as(address, "GET /", ""), 400);
}

#[test]
fn a_large_head_is_refused_without_being_read() {
    let address = started(site("large"), LIMITS);
    let headers = |bytes: usize| {
        format!(
            "Host: localhost:{}\r\nX: {}\r\n",
            address.port(),
            "x".repeat(bytes)
        )
    };
    check_status(&ask_as(address, "GET /", &headers(15 << 10)), 200);
    check_status(&ask_as(address, "GET /", &headers(17 << 10)), 431);
}

#[test]
fn clients_that_do_not_read_block_nobody() {
    let site = site("unread");
    // More than the buffers of a connection hold.
    std::fs::write(site.join("large.bin"), vec![0; 64 << 20]).expect("written");
    let address = started(site.clone(), LIMITS);
    let stalled: Vec<TcpStream> = (0..12).map(|_| connected(address)).collect();
    for mut stream in &stalled {
        write!(
            stream,
            "GET /large.bin HTTP/1.1\r\nHost: localhost:{}\r\n\r\n",
            address.port()
        )
        .expect("sent");
    }
    let begin = Instant::now();
    check_status(&ask(address, "GET /"), 200);
    assert!(
        begin.elapsed() < PROMPT,
        "answered after {:?}",
        begin.elapsed()
    );
    drop(stalled);
    std::fs::remove_file(site.join("large.bin")).expect("removed");
}

#[test]
fn a_slow_client_is_dropped_and_its_slot_is_free_again() {
    let site = site("slow");
    std::fs::write(site.join("large.bin"), vec![0; 64 << 20]).expect("written");
    let address = started(
        site.clone(),
        Limits {
            connections: 3,
            timeout: TIMEOUT,
            ..LIMITS
        },
    );
    let (silent, mut writer, mut reader) =
        (connected(address), connected(address), connected(address));
    write!(writer, "GET / HTTP/1.1\r\n").expect("sent");
    write!(
        reader,
        "GET /large.bin HTTP/1.1\r\nHost: localhost:{}\r\n\r\n",
        address.port()
    )
    .expect("sent");
    // All three slots are taken once the server has accepted them, in this order.
    for _ in 0..3 {
        check_status(&ask(address, "GET /"), 503);
    }
    let end = |mut stream: &TcpStream| {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        bytes
    };
    assert_eq!(end(&silent), b"");
    check_status(&String::from_utf8_lossy(&end(&writer)), 408);
    // Its last piece began before that of the writer timed out.
    std::thread::sleep(TIMEOUT);
    check_status(&ask(address, "GET /"), 200);
    assert!(
        end(&reader).len() < 64 << 20,
        "the response to a client that did not read is cut"
    );
    std::fs::remove_file(site.join("large.bin")).expect("removed");
}

#[test]
fn a_port_in_use_is_said_in_words() {
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

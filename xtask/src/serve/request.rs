//! Parses the head of an HTTP/1.1 request (RFC 9112) into method, target and host. Bodies are never
//! read, since only GET and HEAD are served.

use std::io::{ErrorKind, Read};

/// Host names by which programs on this machine may address the server. A page of another site
/// whose name resolves to this machine (DNS rebinding) sends its own name.
const LOCAL_NAMES: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// Port that an address may omit.
const HTTP_PORT: u16 = 80;

/// Terminator of the head.
const END: &[u8] = b"\r\n\r\n";

/// A parsed request.
#[derive(Debug, PartialEq)]
pub struct Request {
    /// Method in upper case, as sent.
    pub method: String,
    /// Path and query, still percent-encoded.
    pub target: String,
    /// Value of the Host header, in lower case.
    host: String,
    /// Whether the client accepts brotli.
    pub accepts_brotli: bool,
    /// Value of the If-None-Match header: the version of the file that the client has.
    pub known: Option<String>,
}

/// Reason why a request gets no file.
#[derive(Debug, PartialEq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Explanation for the user, in one sentence.
    pub reason: String,
}

impl Refusal {
    /// Creates a refusal with this status and reason.
    pub fn new(status: u16, reason: impl Into<String>) -> Self {
        Self {
            status,
            reason: reason.into(),
        }
    }
}

/// Reads a request of at most `max_bytes`; `None` if the client disconnected or sent nothing.
///
/// # Errors
/// Returns 400 for a malformed request, 408 for one that is incomplete within the time limit, 431
/// for one that is too large.
pub fn read(stream: &mut impl Read, max_bytes: usize) -> Result<Option<Request>, Refusal> {
    let mut bytes = vec![0; max_bytes];
    let mut filled = 0;
    loop {
        let count = match stream.read(&mut bytes[filled..]) {
            Ok(0) => return Ok(None),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) if is_timeout(error.kind()) && filled > 0 => {
                return Err(Refusal::new(408, "the request was not complete in time"));
            }
            Err(_) => return Ok(None),
        };
        let searched = filled.saturating_sub(END.len() - 1);
        filled += count;
        if let Some(end) = bytes[searched..filled]
            .windows(END.len())
            .position(|window| window == END)
        {
            return parse(&String::from_utf8_lossy(&bytes[..searched + end])).map(Some);
        }
        if filled == max_bytes {
            return Err(Refusal::new(
                431,
                format!("a request line with its headers has at most {max_bytes} bytes"),
            ));
        }
    }
}

/// A read timeout is reported as one or the other, depending on the platform.
fn is_timeout(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::TimedOut | ErrorKind::WouldBlock)
}

fn parse(head: &str) -> Result<Request, Refusal> {
    let malformed = |what: &str| Refusal::new(400, format!("the request has {what}"));
    let mut lines = head.split("\r\n");
    let words: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let [method, target, version] = words[..] else {
        return Err(malformed("no request line"));
    };
    if !version.starts_with("HTTP/1.") {
        return Err(malformed("another version than HTTP/1.1"));
    }
    let mut hosts = Vec::new();
    let (mut accepts_brotli, mut known) = (false, None);
    for line in lines {
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| malformed("a header without a colon"))?;
        hosts.extend(
            name.eq_ignore_ascii_case("host")
                .then(|| value.trim().to_ascii_lowercase()),
        );
        if name.eq_ignore_ascii_case("accept-encoding") {
            accepts_brotli |= value.split(',').any(|coding| coding.trim() == "br");
        }
        if name.eq_ignore_ascii_case("if-none-match") {
            known = Some(value.trim().to_string());
        }
    }
    let [host] = hosts
        .try_into()
        .map_err(|_| malformed("no Host header, or several"))?;
    Ok(Request {
        method: method.into(),
        target: target.into(),
        host,
        accepts_brotli,
        known,
    })
}

impl Request {
    /// Checks that the request addresses this server, which listens locally on `port`.
    ///
    /// # Errors
    /// Returns 421 (misdirected request) with the names that the server accepts.
    pub fn check_host(&self, port: u16) -> Result<(), Refusal> {
        let is_ours = |name: &str| match self.host.strip_prefix(name) {
            Some("") => port == HTTP_PORT,
            Some(rest) => rest
                .strip_prefix(':')
                .is_some_and(|number| number == port.to_string()),
            None => false,
        };
        if LOCAL_NAMES.iter().any(|name| is_ours(name)) {
            return Ok(());
        }
        let names = LOCAL_NAMES.map(|name| format!("{name}:{port}")).join(", ");
        Err(Refusal::new(
            421,
            format!("this server answers to {names} only, not to the Host of this request"),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX_BYTES: usize = 100;

    fn check(bytes: &str, expected: Result<Option<(&str, &str, &str)>, u16>) {
        let result = read(&mut bytes.as_bytes(), MAX_BYTES).map_err(|refusal| refusal.status);
        let parts = |request: Request| (request.method, request.target, request.host);
        let expected = expected
            .map(|some| some.map(|(m, t, h)| (m.to_string(), t.to_string(), h.to_string())));
        assert_eq!(
            result.map(|request| request.map(parts)),
            expected,
            "{bytes:?}"
        );
    }

    #[test]
    fn request_heads_are_parsed_or_refused() {
        check(
            "GET /a?b HTTP/1.1\r\nhost:  LocalHost:1 \r\n\r\nrest",
            Ok(Some(("GET", "/a?b", "localhost:1"))),
        );
        check(
            "POST / HTTP/1.0\r\nA: b:c\r\nHost: x\r\n\r\n",
            Ok(Some(("POST", "/", "x"))),
        );
        check("", Ok(None));
        check("GET / HTTP/1.1\r\nHost: x", Ok(None));
        for malformed in [
            "GET /\r\nHost: x",
            "GET /a b HTTP/1.1\r\nHost: x",
            "GET / HTTP/2\r\nHost: x",
            "\r\nGET / HTTP/1.1",
            "GET / HTTP/1.1\r\nHost x",
            "GET / HTTP/1.1",
            "GET / HTTP/1.1\r\nHost: x\r\nHost: x",
        ] {
            check(&format!("{malformed}\r\n\r\n"), Err(400));
        }
        check(&"a".repeat(MAX_BYTES), Err(431));
        check(&"a".repeat(10 * MAX_BYTES), Err(431));
    }

    #[test]
    fn only_local_hosts_with_the_port_are_accepted() {
        let status = |host: &str, port| {
            let request = Request {
                method: "GET".into(),
                target: "/".into(),
                host: host.into(),
                accepts_brotli: false,
                known: None,
            };
            request.check_host(port).map_err(|refusal| refusal.status)
        };
        for host in ["127.0.0.1:8080", "localhost:8080", "[::1]:8080"] {
            assert_eq!(status(host, 8080), Ok(()), "{host}");
        }
        assert_eq!(status("localhost", HTTP_PORT), Ok(()));
        for host in [
            "",
            "localhost",
            "localhost:80",
            "localhost:80800",
            "localhost.evil:8080",
            "evil:8080",
            "::1:8080",
        ] {
            assert_eq!(status(host, 8080), Err(421), "{host}");
        }
    }
}

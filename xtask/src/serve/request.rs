//! The head of an HTTP/1.1 request (RFC 9112): bytes in, method, target and host out. Bodies are never read, since only
//! GET and HEAD are served.

use std::io::{ErrorKind, Read};

/// Names by which a program on this machine may call the server. A page of another site whose name resolves to this
/// machine (DNS rebinding) sends its own name.
const LOCAL_NAMES: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];

/// The port that an address need not name.
const HTTP_PORT: u16 = 80;

/// What ends the head.
const END: &[u8] = b"\r\n\r\n";

/// What a client asks for.
#[derive(Debug, PartialEq)]
pub struct Request {
    /// In capitals, as it was sent.
    pub method: String,
    /// The path with its query, still percent-encoded.
    pub target: String,
    /// The header of that name.
    host: String,
}

/// Why a request gets no file.
#[derive(Debug, PartialEq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// One sentence for the person who reads it.
    pub reason: String,
}

impl Refusal {
    /// With this status and reason.
    pub fn new(status: u16, reason: impl Into<String>) -> Self {
        Self {
            status,
            reason: reason.into(),
        }
    }
}

/// Reads a request of at most `max_bytes`; `None` where the client left or sent nothing.
///
/// # Errors
/// 400 for what is no request, 408 for one that was not complete in time, 431 for one that is too large.
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

/// A read that runs out of time is one or the other, depending on the platform.
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
    for line in lines {
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| malformed("a header without a colon"))?;
        hosts.extend(
            name.eq_ignore_ascii_case("host")
                .then(|| value.trim().to_ascii_lowercase()),
        );
    }
    let [host] = hosts
        .try_into()
        .map_err(|_| malformed("no Host header, or several"))?;
    Ok(Request {
        method: method.into(),
        target: target.into(),
        host,
    })
}

impl Request {
    /// Whether the client means this server, which listens to this machine on `port`.
    ///
    /// # Errors
    /// 421 (misdirected request) with the names that it answers to.
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
    fn a_head_is_read_or_refused() {
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
    fn only_this_machine_by_its_port_is_meant() {
        let status = |host: &str, port| {
            let request = Request {
                method: "GET".into(),
                target: "/".into(),
                host: host.into(),
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

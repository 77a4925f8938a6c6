//! Security headers beyond the page's `<meta>` policy. A `<meta>` element cannot forbid framing,
//! and a worker started from a URL takes its policy from the headers of its own script (CSP Level
//! 3, section 4.2.3).
//!
//! There is no Cross-Origin-Embedder-Policy: it would isolate the page to enable shared memory,
//! which is not used.

use std::path::Path;

/// Headers of every file of every site.
const HEADERS: [(&str, &str); 5] = [
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", PERMISSIONS),
];

/// Denies sensors, devices and payment, none of which the page uses. The clipboard stays allowed.
const PERMISSIONS: &str = "camera=(), display-capture=(), geolocation=(), hid=(), microphone=(), midi=(), \
                           payment=(), serial=(), usb=(), xr-spatial-tracking=()";

/// No other page may embed this one in a frame.
const FRAMES: &str = "frame-ancestors 'none'";

/// Returns the headers of every file in `folder`, with the current policy of its page.
pub fn headers(folder: &Path) -> Vec<(&'static str, String)> {
    let page = std::fs::read_to_string(folder.join("index.html")).unwrap_or_default();
    let policy =
        page_policy(&page).map_or_else(|| FRAMES.into(), |policy| format!("{policy}; {FRAMES}"));
    let fixed = HEADERS.map(|(name, value)| (name, value.to_string()));
    fixed
        .into_iter()
        .chain([("Content-Security-Policy", policy)])
        .collect()
}

/// Returns the policy in the `<meta>` element of a page; `None` if there is none on a single line.
fn page_policy(page: &str) -> Option<&str> {
    let (_, element) = page.split_once("http-equiv=\"Content-Security-Policy\"")?;
    let (element, _) = element.split_once('>')?;
    let (policy, _) = element.split_once("content=\"")?.1.split_once('"')?;
    let is_one_line = !policy.contains(|c: char| c.is_control() || !c.is_ascii());
    is_one_line.then(|| policy.trim_end_matches([';', ' ']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worker_has_the_policy_of_the_page() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .expect("the workspace");
        let headers = headers(root);
        let policy = |name: &str| {
            headers
                .iter()
                .find(|header| header.0 == name)
                .map(|header| header.1.as_str())
        };
        let content = policy("Content-Security-Policy").expect("a policy");
        assert!(
            content.starts_with("default-src 'none'; script-src 'self' 'wasm-unsafe-eval'"),
            "{content}"
        );
        assert!(content.ends_with("; frame-ancestors 'none'"), "{content}");
        assert_eq!(policy("Cross-Origin-Opener-Policy"), Some("same-origin"));
    }

    /// Compares each directive of `text` with that of the page; each must occur at least `times`
    /// times.
    fn check_directives(text: &str, times: usize) {
        let text = text.replace("\\\n", "");
        let page = page_policy(include_str!("../../../index.html")).expect("the page has a policy");
        for directive in page.split("; ").chain([FRAMES]) {
            let (name, value) = directive.split_once(' ').expect("a name and a value");
            let found: Vec<_> = text.split(&format!("{name} ")).skip(1).collect();
            assert!(
                found.len() >= times,
                "{name} occurs {} times, not {times}",
                found.len()
            );
            for rest in found {
                let found = rest.split([';', '"', '`', '\n']).next().unwrap_or_default();
                assert_eq!(found.trim(), value, "{name} is as in index.html");
            }
        }
    }

    #[test]
    fn documented_servers_send_the_same_headers() {
        let own = include_str!("../../../public/_headers");
        check_directives(own, 1);
        for (name, value) in HEADERS {
            assert!(
                own.contains(&format!("\n  {name}: {value}\n")),
                "{name}: {value}"
            );
        }
        // nginx, Caddy and Apache.
        check_directives(include_str!("../../../docs/hosting.md"), 3);
    }

    #[test]
    fn page_policy_is_parsed() {
        let meta = |rest: &str| {
            format!("<head><meta\n http-equiv=\"Content-Security-Policy\"\n {rest}></head>")
        };
        assert_eq!(
            page_policy(&meta("content=\"default-src 'self';\" /")),
            Some("default-src 'self'")
        );
        assert_eq!(page_policy(&meta("")), None);
        assert_eq!(page_policy(&meta("content=\"a\r\nSet-Cookie: b\"")), None);
        assert_eq!(page_policy("<p content=\"a\">page</p>"), None);
    }
}

//! A model that serves other programs: over HTTP, and as tools of the Model Context Protocol.

use crate::lab::models;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Child;
use std::time::Duration;

/// A server that is terminated at the end of the test.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(words: &str) -> Self {
        let command = format!("serve-model {words} --device cpu --port 0");
        let mut child = models()
            .command(&command)
            .spawn()
            .expect("the binary starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped"))
            .read_line(&mut line)
            .expect("a line");
        let address = line
            .split("http://")
            .nth(1)
            .and_then(|rest| rest.split('/').next())
            .expect("an address");
        Self {
            child,
            address: address.into(),
        }
    }

    /// Returns status and body of the answer to `request`, which is sent verbatim.
    fn raw(&self, request: &[u8]) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .expect("a timeout");
        // A request that is refused early may not be read to its end.
        drop(stream.write_all(request));
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer));
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .unwrap_or_default();
        let body = answer
            .split_once("\r\n\r\n")
            .map(|(_, body)| body)
            .unwrap_or_default();
        (status, serde_json::from_str(body).unwrap_or(Value::Null))
    }

    fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> (u16, Value) {
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
        );
        self.raw(&[head.as_bytes(), body.as_bytes()].concat())
    }

    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send(
            "POST",
            path,
            "Host: localhost\r\nContent-Type: application/json\r\n",
            &body.to_string(),
        )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn served_classifier_agrees_with_predict() {
    let lab = models();
    let server = Server::start("finetuned --documents test.txt");
    let (status, health) = server.send("GET", "/healthz", "Host: localhost\r\n", "");
    assert_eq!(
        (status, &health["status"], &health["documents"]),
        (200, &json!("ok"), &json!(60))
    );
    let texts = ["a small bird", "to play music", "the state of being free"];
    let (status, answer) = server.post("/classify", &json!({ "texts": texts, "top_k": 3 }));
    assert_eq!(status, 200, "{answer}");
    let lines = texts.join("\n") + "\n";
    let printed = lab
        .run_with(
            "predict --model finetuned --top-k 3 --device cpu",
            lines.as_bytes(),
        )
        .ok()
        .stdout;
    for (line, answer) in printed
        .lines()
        .zip(answer["results"].as_array().expect("a list"))
    {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let labels = |value: &Value| {
            let labels = value["labels"].as_array().expect("labels");
            labels
                .iter()
                .map(|label| label["label"].to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(labels(&line), labels(answer));
        let score = |value: &Value| value["labels"][0]["score"].as_f64().expect("a score");
        assert!((score(&line) - score(answer)).abs() < 1e-5);
    }
    let own = String::from_utf8(lab.read("test.txt")).expect("UTF-8");
    let own = own
        .lines()
        .nth(6)
        .and_then(|line| line.split(" __label__").next())
        .expect("a line");
    let (status, answer) = server.post("/similar", &json!({ "text": own, "top_k": 2 }));
    assert_eq!(
        (status, &answer["documents"][0]["line"]),
        (200, &json!(7)),
        "{answer}"
    );
    assert!(
        answer["documents"][0]["score"]
            .as_f64()
            .is_some_and(|score| score > 0.999),
        "{answer}"
    );
    let (status, description) = server.send("GET", "/openapi.json", "Host: localhost\r\n", "");
    assert_eq!(
        (status, description["openapi"].as_str()),
        (200, Some("3.1.0"))
    );
    let paths = description["paths"].as_object().expect("paths");
    let paths: Vec<&str> = paths.keys().map(String::as_str).collect();
    assert_eq!(paths, ["/classify", "/healthz", "/similar"]);
    assert_eq!(
        server.send("GET", "/", "Host: localhost\r\n", ""),
        (200, description)
    );
}

#[test]
fn invalid_requests_are_refused() {
    let server = Server::start("finetuned");
    let refused = |(status, answer): (u16, Value), expected: (u16, &str)| {
        assert_eq!(
            (status, answer["error"]["code"].as_str()),
            (expected.0, Some(expected.1)),
            "{answer}"
        );
        assert!(
            answer["error"]["hint"]
                .as_str()
                .is_some_and(|hint| hint.len() > 5),
            "{answer}"
        );
    };
    refused(
        server.post("/classify", &json!({ "texts": [] })),
        (400, "bad-body"),
    );
    refused(
        server.post("/classify", &json!({ "text": "a", "topk": 3 })),
        (400, "bad-body"),
    );
    refused(
        server.post("/classify", &json!({ "text": "a", "top_k": 0 })),
        (400, "bad-top-k"),
    );
    refused(
        server.post("/classify", &json!({ "text": "a", "top_k": 1001 })),
        (400, "bad-top-k"),
    );
    assert_eq!(
        server
            .post("/classify", &json!({ "text": "a", "top_k": 1000 }))
            .0,
        200
    );
    refused(
        server.post("/fill-mask", &json!({ "text": "a [MASK]" })),
        (400, "no-masked-lm"),
    );
    refused(
        server.post("/similar", &json!({ "text": "a" })),
        (400, "no-documents"),
    );
    refused(server.post("/nothing", &json!({})), (404, "not-found"));
    refused(
        server.send("GET", "/classify", "Host: localhost\r\n", ""),
        (405, "bad-method"),
    );
    let json_type = "Content-Type: application/json\r\n";
    refused(
        server.send(
            "POST",
            "/classify",
            "Host: localhost\r\n",
            "{\"text\":\"a\"}",
        ),
        (415, "not-json"),
    );
    let foreign = format!("Host: example.org\r\n{json_type}");
    refused(
        server.send("POST", "/classify", &foreign, "{\"text\":\"a\"}"),
        (421, "other-host"),
    );
    let large = json!({ "text": "a".repeat(2 << 20) });
    refused(server.post("/classify", &large), (413, "body-too-large"));
    // A gigabyte that is only announced takes no memory.
    let head = format!(
        "POST /classify HTTP/1.1\r\nHost: localhost\r\n{json_type}Content-Length: 1073741824\r\n\r\n"
    );
    refused(server.raw(head.as_bytes()), (413, "body-too-large"));
    // Other clients are served while one sends nothing.
    let _slow = TcpStream::connect(&server.address).expect("it listens");
    assert_eq!(
        server
            .post("/classify", &json!({ "text": "a small bird" }))
            .0,
        200
    );
}

#[test]
fn a_busy_port_and_a_missing_model_are_refused() {
    let server = Server::start("finetuned");
    let port = server.address.rsplit(':').next().expect("a port");
    let done = models().run(&format!("serve-model finetuned --device cpu --port {port}"));
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    assert!(done.stderr.contains("--port"), "{}", done.stderr);
    models()
        .run("serve-model nothing --device cpu --port 0")
        .refused();
    models()
        .run("serve-model finetuned --documents finetuned --device cpu --port 0")
        .refused();
}

#[test]
fn mcp_tools_answer_a_language_model() {
    let requests = [
        json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": { "protocolVersion": "2024-11-05" } }),
        json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
        json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" }),
        json!({ "jsonrpc": "2.0", "id": "three", "method": "tools/call",
            "params": { "name": "fill_mask", "arguments": { "text": "a [MASK] bird", "top_k": 2 } } }),
        json!({ "jsonrpc": "2.0", "id": 4, "method": "tools/call",
            "params": { "name": "fill_mask", "arguments": { "text": "no mask" } } }),
        json!({ "jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": { "name": "other" } }),
        json!({ "jsonrpc": "2.0", "id": 6, "method": "other" }),
    ];
    let input: String = requests
        .iter()
        .map(|request| format!("{request}\n"))
        .collect();
    let done = models()
        .run_with(
            "mcp pretrained --device cpu",
            (input + "no JSON\n").as_bytes(),
        )
        .ok();
    let answers: Vec<Value> = done
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let [hello, tools, guesses, no_mask, no_tool, no_method, no_json] = answers.as_slice() else {
        panic!("{}", done.stdout)
    };
    assert_eq!(hello["result"]["protocolVersion"], "2024-11-05");
    assert_eq!(tools["result"]["tools"][0]["name"], "fill_mask");
    assert_eq!(guesses["id"], "three");
    let masks = &guesses["result"]["structuredContent"]["masks"];
    assert_eq!(
        masks[0]["candidates"].as_array().map(Vec::len),
        Some(2),
        "{guesses}"
    );
    assert_eq!(no_mask["result"]["isError"], true);
    let codes = [no_tool, no_method, no_json].map(|answer| answer["error"]["code"].clone());
    assert_eq!(codes, [json!(-32602), json!(-32601), json!(-32700)]);
}

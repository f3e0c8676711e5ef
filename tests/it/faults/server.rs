//! An HTTP/1.1 server inside the test's process, which answers by script: what no stand-in of a warehouse does.
//!
//! ```ignore
//! // A script sees each request and all that came before it, and says what becomes of it. It may block: every connection
//! // has a thread of its own.
//! let server = Server::start(|request, seen| match request.path.as_str() {
//!     "/login" => Answer::json(200, r#"{"token": "t"}"#),
//!     "/slow" => {
//!         seen.wait_until(|seen| seen.count("/cancel") > 0);
//!         Answer::json(200, r#"{"cancelled": true}"#)
//!     }
//!     "/busy" if seen.count("/busy") < 2 => Answer::json(429, "{}").header("Retry-After", "1"),
//!     "/busy" => Answer::json(200, "{}").delayed(Duration::from_millis(300)),
//!     "/lost" => Answer::hang_up(),              // read the request, and close the connection without a word
//!     "/half" => Answer::json(200, "{…}").truncated(3), // promise the whole body, send three bytes, close
//!     "/noise" => Answer::garbage(),             // bytes that are no HTTP
//!     "/mute" => Answer::silence(),              // keep the connection open and say nothing
//!     _ => Answer::json(404, "{}"),
//! });
//! server.refuse(2);                              // the next two connections are closed before anything is read
//! let base: String = server.url();               // `http://127.0.0.1:<port>`, no slash at its end
//! server.seen().count("/login");                 // requests of that path so far, the one at hand included
//! server.seen().requests();                      // Vec<Request>: method, path, query, headers, body, at
//! server.seen().connections();                   // connections that were accepted, the refused ones included
//! server.seen().wait_until(|seen| …);            // true as soon as it holds, false once the server is over
//! ```
//!
//! Nothing here is late: a script that must not answer yet waits for a request, and not for a time.
//!
//! A path is matched by its end in [`Seen::count`]: `count("/query-request")`. Dropping the server ends it; threads whose
//! connection a client still holds end with that client.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A request, as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Without the query.
    pub(crate) path: String,
    /// What follows the question mark; empty where there is none.
    pub(crate) query: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// When it had been read: for least times between two, which a slow machine only makes longer.
    pub(crate) at: Instant,
}

impl Request {
    /// Returns the value of a header, whose name is in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// Returns a parameter of the query, as it was sent.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|pair| pair.1)
    }

    /// Returns the body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns the body as JSON, null where it is none.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or(serde_json::Value::Null)
    }
}

/// What becomes of a request.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    delay: Duration,
    words: Words,
}

#[derive(Clone, Debug)]
enum Words {
    Reply { status: u16, headers: Vec<(String, String)>, body: Vec<u8>, sent: usize },
    Raw(Vec<u8>),
    HangUp,
    Silence,
}

impl Answer {
    /// Answers with JSON, or with what is said to be JSON.
    pub(crate) fn json(status: u16, body: impl Into<String>) -> Self {
        Self::bytes(status, body.into().into_bytes()).header("Content-Type", "application/json")
    }

    /// Answers with bytes of no type.
    pub(crate) fn bytes(status: u16, body: Vec<u8>) -> Self {
        let sent = body.len();
        Self { delay: Duration::ZERO, words: Words::Reply { status, headers: Vec::new(), body, sent } }
    }

    /// Closes the connection after the request was read, without a word.
    pub(crate) fn hang_up() -> Self {
        Self { delay: Duration::ZERO, words: Words::HangUp }
    }

    /// Answers with what is no HTTP.
    pub(crate) fn garbage() -> Self {
        Self { delay: Duration::ZERO, words: Words::Raw(b"\x00\xff\xfeneither HTTP nor JSON\r\n\r\n".to_vec()) }
    }

    /// Says nothing until the client or the server ends.
    pub(crate) fn silence() -> Self {
        Self { delay: Duration::ZERO, words: Words::Silence }
    }

    /// Adds a header.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        if let Words::Reply { headers, .. } = &mut self.words {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Waits before it answers.
    pub(crate) fn delayed(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Announces the whole body, sends its first `sent` bytes, and closes the connection.
    pub(crate) fn truncated(mut self, bytes: usize) -> Self {
        if let Words::Reply { sent, body, .. } = &mut self.words {
            *sent = bytes.min(body.len());
        }
        self
    }
}

/// What the server has seen so far.
#[derive(Default)]
pub(crate) struct Seen {
    requests: Mutex<Vec<Request>>,
    changed: Condvar,
    connections: AtomicUsize,
    refusals: AtomicUsize,
    over: AtomicBool,
}

impl Seen {
    fn lock(&self) -> MutexGuard<'_, Vec<Request>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns all requests, in the order in which they were read.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.lock().clone()
    }

    /// Returns the requests whose path ends so.
    pub(crate) fn of(&self, path: &str) -> Vec<Request> {
        self.lock().iter().filter(|request| request.path.ends_with(path)).cloned().collect()
    }

    /// Counts the requests whose path ends so, the one that is being answered included.
    pub(crate) fn count(&self, path: &str) -> usize {
        self.lock().iter().filter(|request| request.path.ends_with(path)).count()
    }

    /// Counts the connections that were accepted, those that were refused included.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Waits until something holds, which is asked again after each request; tells whether it came to hold before the
    /// server was over.
    pub(crate) fn wait_until(&self, holds: impl Fn(&Self) -> bool) -> bool {
        loop {
            if holds(self) {
                return true;
            }
            if self.over.load(Ordering::SeqCst) {
                return false;
            }
            // Short turns: a request may come between the question and the wait.
            let turn = Duration::from_millis(20);
            drop(self.changed.wait_timeout(self.lock(), turn).unwrap_or_else(PoisonError::into_inner));
        }
    }
}

type Script = dyn Fn(&Request, &Seen) -> Answer + Send + Sync;

/// The server; it ends when it is dropped: then nobody is there any more.
pub(crate) struct Server {
    listener: Option<JoinHandle<()>>,
    address: SocketAddr,
    seen: Arc<Seen>,
}

impl Server {
    /// Starts on a free port of this machine.
    pub(crate) fn start(script: impl Fn(&Request, &Seen) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, script): (Arc<Seen>, Arc<Script>) = (Arc::default(), Arc::new(script));
        let ours = Arc::clone(&seen);
        let listener = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ours.over.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                ours.connections.fetch_add(1, Ordering::SeqCst);
                let fewer = |left: usize| left.checked_sub(1);
                if ours.refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fewer).is_ok() {
                    let _ = stream.shutdown(Shutdown::Both);
                    continue;
                }
                let (seen, script) = (Arc::clone(&ours), Arc::clone(&script));
                std::thread::spawn(move || serve(stream, &seen, &*script));
            }
        });
        Self { listener: Some(listener), address, seen }
    }

    /// Returns where it is: `http://127.0.0.1:<port>`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns what it has seen.
    pub(crate) fn seen(&self) -> &Seen {
        &self.seen
    }

    /// Closes the next connections before anything is read from them.
    pub(crate) fn refuse(&self, connections: usize) {
        self.seen.refusals.store(connections, Ordering::SeqCst);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.seen.over.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect(self.address);
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

/// Answers the requests of a connection until one of the two ends closes it.
fn serve(stream: TcpStream, seen: &Seen, script: &Script) {
    let Ok(mut writer) = stream.try_clone() else { return };
    // Head and body are written apart: without it, each answer waits 40 ms for the head to be acknowledged.
    let _ = writer.set_nodelay(true);
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader).filter(|_| !seen.over.load(Ordering::SeqCst)) {
        seen.lock().push(request.clone());
        seen.changed.notify_all();
        let answer = script(&request, seen);
        std::thread::sleep(answer.delay);
        match answer.words {
            Words::Reply { status, headers, body, sent } => {
                let mut head = format!("HTTP/1.1 {status} Scripted\r\nContent-Length: {}\r\n", body.len());
                headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
                head.push_str("\r\n");
                let written = writer.write_all(head.as_bytes()).and_then(|()| writer.write_all(&body[..sent]));
                if written.and_then(|()| writer.flush()).is_err() || sent < body.len() {
                    break;
                }
            }
            Words::Raw(bytes) => {
                let _ = writer.write_all(&bytes);
                break;
            }
            Words::HangUp => break,
            Words::Silence => {
                seen.wait_until(|_| false);
                break;
            }
        }
    }
    let _ = writer.shutdown(Shutdown::Both);
}

/// Reads a request; none where the connection is at its end or what comes is no HTTP.
fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = || {
        let mut line = String::new();
        (reader.read_line(&mut line).ok()? > 0).then(|| line.trim_end().to_owned())
    };
    let first = line()?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut headers = Vec::new();
    loop {
        let header = line()?;
        let Some((name, value)) = header.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let header = |name: &str| headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str());
    let body = if header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        read_chunks(reader)?
    } else {
        let mut body = vec![0; header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0)];
        reader.read_exact(&mut body).ok()?;
        body
    };
    Some(Request { method, path: path.to_owned(), query: query.to_owned(), headers, body, at: Instant::now() })
}

fn read_chunks(reader: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let length = usize::from_str_radix(line.trim().split(';').next()?, 16).ok()?;
        let mut chunk = vec![0; length + 2];
        reader.read_exact(&mut chunk).ok()?;
        if length == 0 {
            return Some(body);
        }
        body.extend_from_slice(&chunk[..length]);
    }
}

/// The server itself is tried, so that a test that fails on it fails for its own reason.
#[test]
fn the_server_answers_by_its_script() {
    let server = Server::start(|request, seen| match request.path.as_str() {
        "/half" => Answer::json(200, "0123456789").truncated(4),
        "/lost" => Answer::hang_up(),
        path => Answer::json(200, format!("{path} {} {}", seen.count(path), request.text())),
    });
    let address = server.url().trim_start_matches("http://").to_owned();
    let ask = |text: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        // The other end may have closed already.
        let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.shutdown(Shutdown::Write));
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    };
    let two = ask("POST /a?x=1 HTTP/1.1\r\nContent-Length: 2\r\n\r\nhiGET /a HTTP/1.1\r\n\r\n");
    assert_eq!(two.matches("HTTP/1.1 200 Scripted\r\nContent-Length: ").count(), 2, "{two}");
    assert!(two.contains("/a 1 hi") && two.ends_with("/a 2 "), "{two}");
    assert!(
        ask("POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n").ends_with("abc")
    );
    assert!(ask("GET /half HTTP/1.1\r\n\r\n").ends_with("\r\n\r\n0123"));
    assert_eq!(ask("GET /lost HTTP/1.1\r\n\r\n"), "");
    server.refuse(1);
    assert_eq!(ask("GET /a HTTP/1.1\r\n\r\n"), "");
    assert!(ask("GET /a HTTP/1.1\r\n\r\n").ends_with("/a 3 "));
    let request = &server.seen().requests()[0];
    assert_eq!(
        (request.method.as_str(), request.parameter("x"), request.header("content-length")),
        ("POST", Some("1"), Some("2"))
    );
}

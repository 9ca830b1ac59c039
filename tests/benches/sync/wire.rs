//! Requests over one blocking connection, with nothing parsed but what is asked about, so that the
//! generator costs little beside what it measures.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

/// A way to the server; it connects when it has to.
pub struct Line {
    port: u16,
    stream: Option<BufReader<TcpStream>>,
}

/// What to send.
pub struct Ask<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub token: &'a str,
    pub key: &'a str,
    /// Further headers, each ending with a line break.
    pub headers: &'a str,
    pub body: &'a [u8],
}

/// What came back.
pub struct Got {
    pub status: u16,
    pub retry_after_s: Option<u64>,
    pub body: Vec<u8>,
}

impl Line {
    pub fn to(port: u16) -> Self {
        Self { port, stream: None }
    }

    /// Sends and reads; nothing when the connection broke.
    pub fn send(&mut self, ask: &Ask<'_>) -> Option<Got> {
        let got = self.exchange(ask);
        if got.is_none() {
            self.stream = None;
        }
        got
    }

    /// [`Line::send`], which must be answered with a success.
    #[track_caller]
    pub fn expect(&mut self, ask: &Ask<'_>) -> Vec<u8> {
        let got =
            self.send(ask).unwrap_or_else(|| panic!("no answer to {} {}", ask.method, ask.path));
        let text = || String::from_utf8_lossy(&got.body).into_owned();
        assert!(
            (200..300).contains(&got.status),
            "{} {}: {} {}",
            ask.method,
            ask.path,
            got.status,
            text()
        );
        got.body
    }

    fn exchange(&mut self, ask: &Ask<'_>) -> Option<Got> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
            stream.set_nodelay(true).ok()?;
            stream.set_read_timeout(Some(Duration::from_secs(120))).ok()?;
            self.stream = Some(BufReader::new(stream));
        }
        let reader = self.stream.as_mut()?;
        let head = format!(
            "{} {} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {}\r\nidempotency-key: {}\r\n{}content-length: {}\r\n\r\n",
            ask.method,
            ask.path,
            ask.token,
            ask.key,
            ask.headers,
            ask.body.len()
        );
        let mut message = head.into_bytes();
        message.extend_from_slice(ask.body);
        reader.get_mut().write_all(&message).ok()?;
        read(reader)
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Got> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let status = line.split(' ').nth(1)?.parse().ok()?;
    let (mut length, mut chunked, mut retry_after_s) = (0, false, None);
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        if line == "\r\n" {
            break;
        }
        let lower = line.to_ascii_lowercase();
        let (name, value) = lower.split_once(':')?;
        match name {
            "content-length" => length = value.trim().parse().ok()?,
            "transfer-encoding" => chunked = value.contains("chunked"),
            "retry-after" => retry_after_s = value.trim().parse().ok(),
            _ => {}
        }
    }
    let mut body = Vec::new();
    if !chunked {
        reader.take(length).read_to_end(&mut body).ok()?;
        return Some(Got { status, retry_after_s, body });
    }
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let size = u64::from_str_radix(line.trim(), 16).ok()?;
        reader.take(size).read_to_end(&mut body).ok()?;
        line.clear();
        reader.read_line(&mut line).ok()?;
        if size == 0 {
            return Some(Got { status, retry_after_s, body });
        }
    }
}

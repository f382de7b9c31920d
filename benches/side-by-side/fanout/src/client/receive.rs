//! What comes in: frames and items of a stream, up to the messages in them.

use super::*;

impl Client {
    pub(super) fn on_event(&mut self, ci: usize, ev: u32) {
        match self.conns[ci].st {
            St::New | St::Dead => return,
            St::Connecting => {
                let mut e = 0i32;
                let mut l = 4u32;
                unsafe {
                    libc::getsockopt(
                        self.conns[ci].fd,
                        libc::SOL_SOCKET,
                        libc::SO_ERROR,
                        &mut e as *mut _ as *mut _,
                        &mut l,
                    )
                };
                if e != 0 || ev & (libc::EPOLLERR as u32) != 0 {
                    return self.kill(ci);
                }
                if ev & (libc::EPOLLOUT as u32) == 0 {
                    return;
                }
                if self.cfg.adapter == Adapter::Raw {
                    self.on_open(ci);
                } else {
                    self.conns[ci].st = St::Handshake;
                    let proto = match self.cfg.adapter {
                        Adapter::Mqtt => "Sec-WebSocket-Protocol: mqtt\r\n",
                        _ => "",
                    };
                    let h = format!(
                        "GET {} HTTP/1.1\r\nHost: {}:{}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{proto}\r\n",
                        self.cfg.path, self.cfg.host, self.cfg.port
                    );
                    self.write_raw(ci, h.as_bytes());
                }
            }
            _ => {}
        }
        if ev & (libc::EPOLLOUT as u32) != 0 && !self.conns[ci].wbuf.is_empty() {
            self.flush(ci);
        }
        if ev & ((libc::EPOLLIN | libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR) as u32) == 0 {
            return;
        }
        let mut buf = std::mem::take(&mut self.buf);
        loop {
            let fd = self.conns[ci].fd;
            if fd < 0 {
                break;
            }
            let n = unsafe { libc::recv(fd, buf.as_mut_ptr() as *mut _, buf.len(), libc::MSG_DONTWAIT) };
            if n < 0 {
                if std::io::Error::last_os_error().kind() != std::io::ErrorKind::WouldBlock {
                    self.kill(ci);
                }
                break;
            }
            if n == 0 {
                self.kill(ci);
                break;
            }
            let now = now_ns();
            let n = n as usize;
            if self.conns[ci].rbuf.is_empty() {
                let used = self.on_bytes(ci, &buf[..n], now);
                if used < n {
                    self.conns[ci].rbuf.extend_from_slice(&buf[used..n]);
                }
            } else {
                let mut rb = std::mem::take(&mut self.conns[ci].rbuf);
                rb.extend_from_slice(&buf[..n]);
                let used = self.on_bytes(ci, &rb, now);
                rb.drain(..used);
                self.conns[ci].rbuf = rb;
            }
            if self.ph.on {
                self.pump(now);
            }
            if n < buf.len() {
                break;
            }
        }
        self.buf = buf;
    }

    pub(super) fn on_bytes(&mut self, ci: usize, d: &[u8], now: u64) -> usize {
        let mut p = 0;
        if self.conns[ci].st == St::Handshake {
            match memmem::find(d, b"\r\n\r\n") {
                None => return 0,
                Some(e) => {
                    if !d.starts_with(b"HTTP/1.1 101") {
                        eprintln!("fanout: refused: {}", String::from_utf8_lossy(&d[..e.min(200)]));
                        self.kill(ci);
                        return d.len();
                    }
                    p = e + 4;
                    self.on_open(ci);
                }
            }
        }
        while d.len() - p >= 2 {
            let (b0, b1) = (d[p], d[p + 1]);
            let mut h = 2;
            let mut len = (b1 & 127) as usize;
            if len == 126 {
                if d.len() - p < 4 {
                    break;
                }
                len = u16::from_be_bytes([d[p + 2], d[p + 3]]) as usize;
                h = 4;
            } else if len == 127 {
                if d.len() - p < 10 {
                    break;
                }
                len = u64::from_be_bytes(d[p + 2..p + 10].try_into().unwrap()) as usize;
                h = 10;
            }
            if d.len() - p - h < len {
                break;
            }
            let pl = &d[p + h..p + h + len];
            p += h + len;
            match b0 & 15 {
                0..=2 => {
                    let stream = matches!(self.cfg.adapter, Adapter::Nats | Adapter::Mqtt);
                    if b0 & 0x80 != 0 && self.conns[ci].frag.is_empty() || stream {
                        self.on_message(ci, pl, now);
                    } else {
                        let mut f = std::mem::take(&mut self.conns[ci].frag);
                        f.extend_from_slice(pl);
                        if b0 & 0x80 != 0 {
                            self.on_message(ci, &f, now);
                        } else {
                            self.conns[ci].frag = f;
                        }
                    }
                }
                8 => {
                    eprintln!(
                        "fanout: close frame on conn {ci}: {:?}",
                        String::from_utf8_lossy(&pl[2.min(pl.len())..])
                    );
                    self.kill(ci);
                    return d.len();
                }
                9 => {
                    let v = pl.to_vec();
                    self.send_frame(ci, 10, &v);
                }
                _ => {}
            }
        }
        p
    }

    pub(super) fn on_message(&mut self, ci: usize, pl: &[u8], now: u64) {
        match self.cfg.adapter {
            Adapter::Chat | Adapter::Raw => {
                if !self.find_content(ci, pl, now) {
                    self.other += 1;
                    if let Some(a) = &self.cfg.join_ack {
                        if self.conns[ci].st == St::Init && memmem::find(pl, a.as_bytes()).is_some() {
                            self.conns[ci].acks += 1;
                            if self.conns[ci].acks >= self.rooms_of(ci).len() {
                                self.set_ready(ci);
                            }
                        }
                    }
                }
            }
            Adapter::SocketIo => {
                if pl.first() == Some(&b'4') {
                    if self.find_content(ci, pl, now) {
                        return;
                    }
                    if pl.starts_with(b"40") && self.conns[ci].st == St::Init {
                        for r in self.rooms_of(ci) {
                            let s = format!(
                                "42[\"join\",{{\"type\":\"join\",\"room\":\"room-{r}\",\"user\":\"u{ci}\"}}]"
                            );
                            self.send_frame(ci, 1, s.as_bytes());
                        }
                        self.set_ready(ci);
                    }
                } else if pl.first() == Some(&b'0') {
                    self.send_frame(ci, 1, b"40");
                } else if pl.first() == Some(&b'2') {
                    self.send_frame(ci, 1, b"3");
                } else {
                    self.other += 1;
                }
            }
            Adapter::Nats | Adapter::Mqtt => {
                if self.conns[ci].sbuf.is_empty() {
                    let used = self.on_stream(ci, pl, now);
                    if used < pl.len() {
                        self.conns[ci].sbuf.extend_from_slice(&pl[used..]);
                    }
                } else {
                    let mut sb = std::mem::take(&mut self.conns[ci].sbuf);
                    sb.extend_from_slice(pl);
                    let used = self.on_stream(ci, &sb, now);
                    sb.drain(..used);
                    self.conns[ci].sbuf = sb;
                }
            }
        }
    }

    pub(super) fn on_stream(&mut self, ci: usize, d: &[u8], now: u64) -> usize {
        let mut p = 0;
        if self.cfg.adapter == Adapter::Nats {
            while let Some(e) = memchr::memchr(b'\n', &d[p..]) {
                let line = &d[p..p + e];
                if line.starts_with(b"MSG ") {
                    let mut n = 0usize;
                    let l = if line.ends_with(b"\r") { &line[..line.len() - 1] } else { line };
                    let mut mul = 1;
                    for &c in l.iter().rev() {
                        if !c.is_ascii_digit() {
                            break;
                        }
                        n += (c - b'0') as usize * mul;
                        mul *= 10;
                    }
                    if d.len() - (p + e + 1) < n + 2 {
                        break;
                    }
                    let pl = &d[p + e + 1..p + e + 1 + n];
                    p += e + 1 + n + 2;
                    if !self.find_content(ci, pl, now) {
                        self.other += 1;
                    }
                    continue;
                }
                p += e + 1;
                if line.starts_with(b"PING") {
                    self.send_frame(ci, 2, b"PONG\r\n");
                } else if line.starts_with(b"PONG") {
                    self.set_ready(ci);
                } else if line.starts_with(b"INFO") {
                    if self.conns[ci].st == St::Init && self.conns[ci].acks == 0 {
                        self.conns[ci].acks = 1;
                        let mut s = String::from("CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"fanout\",\"version\":\"0\",\"protocol\":1}\r\n");
                        for (k, r) in self.rooms_of(ci).iter().enumerate() {
                            let _ = write!(s, "SUB room.{r} {}\r\n", k + 1);
                        }
                        s.push_str("PING\r\n");
                        self.send_frame(ci, 2, s.as_bytes());
                    }
                } else if line.starts_with(b"-ERR") {
                    self.proto_err += 1;
                    eprintln!("fanout: nats {}", String::from_utf8_lossy(line));
                }
            }
            return p;
        }
        // MQTT
        while d.len() - p >= 2 {
            let (mut n, mut sh, mut q) = (0usize, 0, p + 1);
            let mut done = false;
            while q < d.len() && sh < 28 {
                n |= ((d[q] & 127) as usize) << sh;
                sh += 7;
                q += 1;
                if d[q - 1] & 128 == 0 {
                    done = true;
                    break;
                }
            }
            if !done || d.len() - q < n {
                break;
            }
            let b = &d[q..q + n];
            let t = d[p] >> 4;
            p = q + n;
            match t {
                2 => {
                    if b.get(1) != Some(&0) {
                        self.proto_err += 1;
                    }
                    let mut v = vec![0, 1];
                    for r in self.rooms_of(ci) {
                        let s = format!("room/{r}");
                        v.extend_from_slice(&(s.len() as u16).to_be_bytes());
                        v.extend_from_slice(s.as_bytes());
                        v.push(0);
                    }
                    let mut m = vec![0x82];
                    Self::mqtt_len(&mut m, v.len());
                    m.extend_from_slice(&v);
                    self.send_frame(ci, 2, &m);
                }
                9 => self.set_ready(ci),
                3 => {
                    let tl = u16::from_be_bytes([b[0], b[1]]) as usize;
                    if !self.find_content(ci, &b[2 + tl..], now) {
                        self.other += 1;
                    }
                }
                _ => {}
            }
        }
        p
    }
}

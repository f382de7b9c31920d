//! What goes out: frames, and what each protocol sends when it opens and when it speaks.

use super::*;

impl Client {
    pub(super) fn rnd(&mut self) -> u32 {
        self.rng ^= self.rng << 13;
        self.rng ^= self.rng >> 7;
        self.rng ^= self.rng << 17;
        (self.rng >> 16) as u32
    }

    pub(super) fn write_raw(&mut self, ci: usize, data: &[u8]) {
        let c = &mut self.conns[ci];
        if c.st == St::Dead {
            return;
        }
        if !c.wbuf.is_empty() {
            c.wbuf.extend_from_slice(data);
            return;
        }
        let n = unsafe {
            libc::send(c.fd, data.as_ptr() as *const _, data.len(), libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT)
        };
        let n = if n < 0 {
            let e = std::io::Error::last_os_error();
            if e.kind() != std::io::ErrorKind::WouldBlock {
                return self.kill(ci);
            }
            0
        } else {
            n as usize
        };
        if n < data.len() {
            self.conns[ci].wbuf.extend_from_slice(&data[n..]);
        }
    }

    pub(super) fn flush(&mut self, ci: usize) {
        let w = std::mem::take(&mut self.conns[ci].wbuf);
        if !w.is_empty() {
            self.write_raw(ci, &w);
        }
    }

    pub(super) fn send_frame(&mut self, ci: usize, op: u8, pl: &[u8]) {
        let key = self.rnd().to_le_bytes();
        let mut f = Vec::with_capacity(pl.len() + 14);
        f.push(0x80 | op);
        if pl.len() < 126 {
            f.push(0x80 | pl.len() as u8);
        } else if pl.len() < 65536 {
            f.push(0x80 | 126);
            f.extend_from_slice(&(pl.len() as u16).to_be_bytes());
        } else {
            f.push(0x80 | 127);
            f.extend_from_slice(&(pl.len() as u64).to_be_bytes());
        }
        f.extend_from_slice(&key);
        f.extend(pl.iter().enumerate().map(|(i, b)| b ^ key[i & 3]));
        self.write_raw(ci, &f);
    }

    pub(super) fn kill(&mut self, ci: usize) {
        let c = &mut self.conns[ci];
        if c.st != St::Dead {
            if c.st != St::Ready {
                self.inflight = self.inflight.saturating_sub(1);
            }
            c.st = St::Dead;
            self.dead += 1;
            unsafe { libc::close(c.fd) };
            c.fd = -1;
        }
    }

    pub(super) fn mqtt_len(out: &mut Vec<u8>, mut n: usize) {
        loop {
            let b = (n & 127) as u8;
            n >>= 7;
            out.push(if n > 0 { b | 128 } else { b });
            if n == 0 {
                break;
            }
        }
    }

    pub(super) fn on_open(&mut self, ci: usize) {
        let rooms = self.rooms_of(ci);
        match self.cfg.adapter {
            Adapter::Chat => {
                self.conns[ci].st = St::Init;
                for r in &rooms {
                    let s = format!("{{\"type\":\"join\",\"room\":\"room-{r}\",\"user\":\"u{ci}\"}}");
                    self.send_frame(ci, 1, s.as_bytes());
                }
                if self.cfg.join_ack.is_none() {
                    self.set_ready(ci);
                }
            }
            Adapter::Raw => {
                let mut b = vec![];
                for r in &rooms {
                    b.push(b'J');
                    b.extend_from_slice(&(*r as u32).to_le_bytes());
                    b.extend_from_slice(&0u32.to_le_bytes());
                }
                self.write_raw(ci, &b);
                self.set_ready(ci);
            }
            // The others wait for the server's greeting.
            Adapter::SocketIo | Adapter::Nats => self.conns[ci].st = St::Init,
            Adapter::Mqtt => {
                self.conns[ci].st = St::Init;
                let id = format!("c{ci}");
                let mut v = vec![0, 4, b'M', b'Q', b'T', b'T', 4, 2, 0, 0];
                v.extend_from_slice(&(id.len() as u16).to_be_bytes());
                v.extend_from_slice(id.as_bytes());
                let mut p = vec![0x10];
                Self::mqtt_len(&mut p, v.len());
                p.extend_from_slice(&v);
                self.send_frame(ci, 2, &p);
            }
        }
    }

    pub(super) fn set_ready(&mut self, ci: usize) {
        if self.conns[ci].st != St::Ready && self.conns[ci].st != St::Dead {
            self.conns[ci].st = St::Ready;
            self.ready += 1;
            self.inflight = self.inflight.saturating_sub(1);
            let d = now_ns().saturating_sub(self.conns[ci].due);
            self.join_hist.saturating_record(d);
        }
    }

    pub(super) fn send_msg(&mut self, r: usize, s: usize, phase: u8, seq: u32, ts: u64) {
        let ci = self.member_conn(r, s);
        let n = self.cfg.payload;
        let mut ct = vec![b'x'; n];
        ct[..3].copy_from_slice(MARK);
        put_hex(&mut ct[3..5], phase as u64);
        put_hex(&mut ct[5..9], r as u64);
        put_hex(&mut ct[9..13], s as u64);
        put_hex(&mut ct[13..19], seq as u64);
        put_hex(&mut ct[19..35], ts);
        let ct = unsafe { String::from_utf8_unchecked(ct) };
        match self.cfg.adapter {
            Adapter::Chat => {
                let id = if self.cfg.ids {
                    self.conns[ci].last_id += 1;
                    format!("\"id\":{},", self.conns[ci].last_id)
                } else {
                    String::new()
                };
                let s = format!("{{\"type\":\"message\",{id}\"room\":\"room-{r}\",\"content\":\"{ct}\",\"user\":\"u{ci}\"}}");
                self.send_frame(ci, 1, s.as_bytes());
            }
            Adapter::SocketIo => {
                let s = format!("42[\"message\",{{\"type\":\"message\",\"room\":\"room-{r}\",\"content\":\"{ct}\",\"user\":\"u{ci}\"}}]");
                self.send_frame(ci, 1, s.as_bytes());
            }
            Adapter::Nats => {
                let j = Self::event(r, ci, &ct);
                let s = format!("PUB room.{r} {}\r\n{j}\r\n", j.len());
                self.send_frame(ci, 2, s.as_bytes());
            }
            Adapter::Mqtt => {
                let j = Self::event(r, ci, &ct);
                let t = format!("room/{r}");
                let mut p = vec![0x30];
                Self::mqtt_len(&mut p, 2 + t.len() + j.len());
                p.extend_from_slice(&(t.len() as u16).to_be_bytes());
                p.extend_from_slice(t.as_bytes());
                p.extend_from_slice(j.as_bytes());
                self.send_frame(ci, 2, &p);
            }
            Adapter::Raw => {
                let j = Self::event(r, ci, &ct);
                let mut f = vec![];
                f.push(0x81);
                if j.len() < 126 {
                    f.push(j.len() as u8);
                } else {
                    f.push(126);
                    f.extend_from_slice(&(j.len() as u16).to_be_bytes());
                }
                f.extend_from_slice(j.as_bytes());
                let mut b = vec![b'P'];
                b.extend_from_slice(&(r as u32).to_le_bytes());
                b.extend_from_slice(&(f.len() as u32).to_le_bytes());
                b.extend_from_slice(&f);
                self.write_raw(ci, &b);
            }
        }
    }

    /// The server event other peers build themselves; here the publisher builds it, so the bytes match.
    pub(super) fn event(r: usize, ci: usize, ct: &str) -> String {
        format!("{{\"type\":\"message\",\"room\":\"room-{r}\",\"user\":\"u{ci}\",\"content\":\"{ct}\",\"timestamp\":1790000000000}}")
    }
}

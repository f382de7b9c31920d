//! When things happen: the schedule, the loop, and how connections are opened.

use super::*;

impl Client {
    #[inline(always)]
    pub(super) fn pump(&mut self, now: u64) {
        if self.ph.closed_window > 0 {
            if now >= self.ph.stop_at {
                self.ph.on = false;
                return;
            }
            while let Some(r) = self.ph.ready_rooms.pop() {
                self.next_in_room(r as usize, now);
            }
            return;
        }
        loop {
            if self.ph.sent >= self.ph.total || now >= self.ph.stop_at {
                self.ph.on = false;
                return;
            }
            let due = self.ph.start + (self.ph.sent as f64 * self.ph.interval) as u64;
            if due > now {
                return;
            }
            let k = self.ph.sent as usize;
            let r = k % self.cfg.rooms;
            let s = (k / self.cfg.rooms) % self.cfg.senders;
            let q = r * self.cfg.senders + s;
            let seq = self.ph.seq[q];
            self.ph.seq[q] += 1;
            self.ph.sent += 1;
            self.ph.lag.saturating_record(now - due);
            let id = self.ph.id;
            self.send_msg(r, s, id, seq, due);
        }
    }

    pub(super) fn next_in_room(&mut self, r: usize, now: u64) {
        let s = self.ph.room_sent[r] as usize % self.cfg.senders;
        self.ph.room_sent[r] += 1;
        let q = r * self.cfg.senders + s;
        let seq = self.ph.seq[q];
        self.ph.seq[q] += 1;
        self.ph.sent += 1;
        let id = self.ph.id;
        self.send_msg(r, s, id, seq, now);
    }

    pub(super) fn poll(&mut self, until: u64) {
        let now = now_ns();
        if self.ph.on {
            self.pump(now);
        }
        let mut wake = until;
        if self.ph.on && self.ph.closed_window == 0 {
            wake = wake.min(self.ph.start + (self.ph.sent as f64 * self.ph.interval) as u64);
        }
        // Rest between batches of events: a client that sleeps in epoll_wait is woken by every single send of
        // the server, at the server's cost (an inter-processor interrupt each, on one machine).
        let co = self.cfg.coalesce_us * 1000;
        if co > 0 {
            let t = now_ns();
            let until_next = (self.last_wait + co).min(wake);
            if until_next > t {
                let d = until_next - t;
                let ts = libc::timespec { tv_sec: 0, tv_nsec: d as i64 };
                unsafe { libc::nanosleep(&ts, std::ptr::null_mut()) };
                if self.ph.on {
                    self.pump(now_ns());
                }
            }
        }
        let d = wake.saturating_sub(now_ns());
        let ts = libc::timespec { tv_sec: (d / 1_000_000_000) as i64, tv_nsec: (d % 1_000_000_000) as i64 };
        let mut evs = std::mem::take(&mut self.evs);
        let n =
            unsafe { libc::epoll_pwait2(self.ep, evs.as_mut_ptr(), evs.len() as i32, &ts, std::ptr::null()) };
        self.last_wait = now_ns();
        for e in evs.iter().take(n.max(0) as usize) {
            self.on_event(e.u64 as usize, e.events);
        }
        self.evs = evs;
    }

    pub(super) fn start_connect(&mut self, ci: usize) -> Result<(), String> {
        unsafe {
            let fd =
                libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC, 0);
            if fd < 0 {
                return Err(format!("socket: {}", std::io::Error::last_os_error()));
            }
            let one = 1i32;
            libc::setsockopt(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, &one as *const _ as *const _, 4);
            let mut a: libc::sockaddr_in = std::mem::zeroed();
            a.sin_family = libc::AF_INET as u16;
            a.sin_port = self.cfg.port.to_be();
            let ip: std::net::Ipv4Addr =
                self.cfg.host.parse().map_err(|_| "host must be an IPv4 loopback address".to_string())?;
            a.sin_addr.s_addr = u32::from_ne_bytes(ip.octets());
            let rc = libc::connect(fd, &a as *const _ as *const _, std::mem::size_of_val(&a) as u32);
            if rc < 0 && std::io::Error::last_os_error().raw_os_error() != Some(libc::EINPROGRESS) {
                let e = std::io::Error::last_os_error();
                libc::close(fd);
                return Err(format!("connect: {e}"));
            }
            self.conns[ci].fd = fd;
            self.conns[ci].st = St::Connecting;
            self.inflight += 1;
            let mut ev = libc::epoll_event {
                events: (libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLET) as u32,
                u64: ci as u64,
            };
            libc::epoll_ctl(self.ep, libc::EPOLL_CTL_ADD, fd, &mut ev);
        }
        Ok(())
    }

    pub fn connect_all(&mut self) -> Result<(), String> {
        let t0 = now_ns();
        let n = self.cfg.conns;
        let mut next = 0;
        let deadline = t0
            + 60_000_000_000
            + if self.cfg.connect_rate > 0.0 { (n as f64 / self.cfg.connect_rate * 1e9) as u64 } else { 0 };
        while self.ready + self.dead < n {
            let now = now_ns();
            if now > deadline {
                return Err("connecting timed out".into());
            }
            let mut wake = now + 50_000_000;
            while next < n {
                if self.cfg.connect_rate > 0.0 {
                    let due = t0 + (next as f64 / self.cfg.connect_rate * 1e9) as u64;
                    if due > now_ns() {
                        wake = wake.min(due);
                        break;
                    }
                    self.conns[next].due = due;
                } else {
                    if self.inflight >= self.cfg.inflight {
                        break;
                    }
                    self.conns[next].due = now_ns();
                }
                self.start_connect(next)?;
                next += 1;
            }
            self.poll(wake);
        }
        if self.dead > 0 {
            return Err(format!("{} of {} connections failed", self.dead, n));
        }
        // Every member must have received a probe before anything is measured.
        let (mut attempt, mut last) = (0u32, 0u64);
        self.run_for(0.1);
        let pd = now_ns() + 60_000_000_000;
        while self.probe_left > 0 {
            let now = now_ns();
            if now > pd {
                return Err(format!(
                    "joins not confirmed: {} of {} members never received a probe",
                    self.probe_left,
                    self.probe_ok.len()
                ));
            }
            if self.dead > 0 {
                return Err(format!("{} connections died while joining", self.dead));
            }
            if now - last > 1_000_000_000 {
                last = now;
                let m = self.cfg.members;
                for r in 0..self.cfg.rooms {
                    let skip = if self.cfg.echo { None } else { Some(r * m) };
                    if let Some(s) = skip {
                        if !self.probe_ok[s] {
                            self.probe_ok[s] = true;
                            self.probe_left -= 1;
                        }
                    }
                    if !self.probe_ok[r * m..(r + 1) * m].iter().all(|x| *x) {
                        self.send_msg(r, 0, PROBE, attempt, now);
                    }
                }
                attempt += 1;
            }
            self.poll(now_ns() + 20_000_000);
        }
        self.join_done_s = (now_ns() - t0) as f64 / 1e9;
        if self.probe_bad > 0 {
            return Err(format!("{} probe deliveries lacked the room or user name", self.probe_bad));
        }
        self.run_for(self.cfg.settle);
        if self.cfg.pid > 0 {
            self.pids = sys::tree(self.cfg.pid);
        }
        self.rss1 = sys::rss_kb(&self.pids);
        self.mem1 = sys::mem_available_kb();
        self.self_rss.1 = sys::rss_kb(&[std::process::id() as i32]);
        Ok(())
    }
}

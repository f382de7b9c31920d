//! What is reported: processor time, memory, and one step of a plan.

use super::*;

impl Client {
    pub(super) fn run_for(&mut self, s: f64) {
        let end = now_ns() + (s * 1e9) as u64;
        while now_ns() < end {
            self.poll(end);
        }
    }

    pub(super) fn snap(&self) -> Snap {
        Snap { t: now_ns(), cpu_self: sys::self_cpu_s(), cpu_srv: sys::cpu_s(&self.pids), cpus: sys::cpus() }
    }

    pub(super) fn head(&self, mode: &str) -> String {
        let c = &self.cfg;
        let n = c.conns as f64;
        let drss = (self.rss1 as f64 - self.rss0 as f64) * 1024.0 / n;
        let own = self.self_rss.1 as f64 - self.self_rss.0 as f64;
        let dsys = ((self.mem0 as f64 - self.mem1 as f64) - (self.rss1 as f64 - self.rss0 as f64) - own)
            * 1024.0
            / n;
        format!(
            "{{\"label\":\"{}\",\"workload\":\"{}\",\"mode\":\"{mode}\",\"connections\":{},\"rooms\":{},\"members\":{},\"senders_per_room\":{},\"payload\":{},\
             \"join_s\":{:.3},\"join_p99_ms\":{:.2},\"rss_before_kb\":{},\"rss_after_kb\":{},\"rss_per_conn_b\":{:.0},\"kernel_mem_per_conn_b\":{:.0}",
            c.label, c.workload, c.conns, c.rooms, c.members, c.senders, c.payload, self.join_done_s,
            self.join_hist.value_at_quantile(0.99) as f64 / 1e6, self.rss0, self.rss1, drss, dsys
        )
    }

    pub(super) fn cpu_json(&self, a: &Snap, b: &Snap, j: &mut String) -> (f64, f64) {
        let w = (b.t - a.t) as f64 / 1e9;
        let cs = b.cpu_self - a.cpu_self;
        let ss = b.cpu_srv - a.cpu_srv;
        let _ = write!(
            j,
            ",\"window_s\":{:.3},\"client_cpu_s\":{:.3},\"client_cpu_frac\":{:.3},\"server_cpu_s\":{:.3},\"server_cpu_frac\":{:.3}",
            w, cs, cs / w, ss, ss / w
        );
        let mut busy = vec![];
        let mut steal = 0.0;
        for (x, y) in a.cpus.iter().zip(&b.cpus) {
            let t = (y.2 - x.2).max(1) as f64;
            busy.push(format!("{:.3}", (y.0 - x.0) as f64 / t));
            steal += (y.1 - x.1) as f64 / t;
        }
        let _ = write!(j, ",\"cpu_busy\":[{}],\"steal\":{:.3}", busy.join(","), steal);
        (cs / w, ss)
    }

    pub fn idle(&mut self, s: f64) {
        let a = self.snap();
        self.run_for(s);
        let b = self.snap();
        self.rss1 = sys::rss_kb(&self.pids);
        self.mem1 = sys::mem_available_kb();
        let mut j = self.head("idle");
        self.cpu_json(&a, &b, &mut j);
        let _ = write!(j, ",\"dead\":{}}}", self.dead);
        println!("{j}");
    }

    pub fn step(&mut self, mode: Mode, secs: f64, name: &str, early_abort: bool) -> StepOut {
        let (r, m, s) = (self.cfg.rooms, self.cfg.members, self.cfg.senders);
        let fan = (m - if self.cfg.echo { 0 } else { 1 }) as u64;
        self.phase_no = if self.phase_no >= 250 { 1 } else { self.phase_no + 1 };
        if self.cfg.pid > 0 {
            self.pids = sys::tree(self.cfg.pid);
        }
        let t0 = now_ns() + 20_000_000;
        let warm = match mode {
            Mode::Burst { .. } => 0.0,
            _ => self.cfg.warm,
        };
        let (interval, total, window, len) = match mode {
            Mode::Open { rate } => (1e9 / rate, ((warm + secs) * rate).ceil() as u64, 0, warm + secs),
            Mode::Closed { window } => (1.0, u64::MAX, window, warm + secs),
            Mode::Burst { span } => {
                let t = (r * s) as u64;
                (span * 1e9 / t as f64, t, 0, span + 0.001)
            }
        };
        let end = t0 + (len * 1e9) as u64;
        self.ph = Phase {
            id: self.phase_no,
            on: true,
            closed_window: window,
            start: t0,
            interval,
            total,
            stop_at: if window > 0 { end } else { end + 50_000_000 },
            sent: 0,
            meas0: t0 + (warm * 1e9) as u64,
            meas1: end,
            room_sent: vec![0; r],
            room_deliv: vec![0; r],
            ready_rooms: if window > 0 {
                (0..r * window as usize).map(|i| (i % r) as u32).collect()
            } else {
                vec![]
            },
            seq: vec![0; r * s],
            exp: vec![0; r * m * s],
            missing: HashSet::new(),
            log: vec![vec![]; r],
            log_max: vec![0; r * s],
            pos: vec![0; r * m],
            got: 0,
            got_meas: 0,
            dup: 0,
            mis: 0,
            div: 0,
            last_rx: t0,
            abort_lat: if early_abort { 1_500_000_000 } else { u64::MAX },
            aborted: false,
            hist: hist(),
            lag: hist(),
        };
        let (stale0, corrupt0) = (self.stale, self.corrupt);
        let (meas0, meas1) = (self.ph.meas0, self.ph.meas1);
        while now_ns() < meas0 {
            self.poll(meas0);
        }
        let a = self.snap();
        while now_ns() < meas1 && !self.ph.aborted {
            self.poll(meas1);
        }
        let mut b = self.snap();
        let win = (b.t - a.t) as f64 / 1e9;
        // Whatever is still scheduled (only rounding at the end), then the drain.
        let send_end = now_ns();
        let dl = send_end + (self.cfg.drain * 1e9) as u64;
        loop {
            let now = now_ns();
            if now > dl
                || (!self.ph.on && self.ph.got >= self.ph.sent * fan)
                || (self.dead > 0 && now > send_end + 1_000_000_000)
            {
                break;
            }
            self.poll((now + 20_000_000).min(dl));
        }
        if let Mode::Burst { .. } = mode {
            b = self.snap(); // the burst is measured to its last delivery
        }
        self.ph.on = false;
        let ph = &self.ph;
        let drain_s = ph.last_rx.saturating_sub(send_end) as f64 / 1e9;
        let want = ph.sent * fan;
        let lost = want.saturating_sub(ph.got);
        let unsent = if window > 0 { 0 } else { ph.total - ph.sent };
        // A message that never arrived in an open loop must not flatter the percentiles.
        let mut h = ph.hist.clone();
        if lost > 0 {
            let _ = h.record_n(300_000_000_000, lost.min(1_000_000_000));
        }
        let q = |x: f64| h.value_at_quantile(x) as f64 / 1e6;
        let burst_done = (ph.last_rx.saturating_sub(ph.start)) as f64 / 1e9;
        let deliv_s = match mode {
            Mode::Burst { .. } => ph.got as f64 / burst_done.max(1e-9),
            _ => ph.got_meas as f64 / win,
        };
        let offered = match mode {
            Mode::Open { rate } => rate,
            Mode::Burst { span } => (r * s) as f64 / span,
            Mode::Closed { .. } => ph.sent as f64 / len,
        };
        let mut j = self.head(name);
        let (cfrac, scpu) = self.cpu_json(&a, &b, &mut j);
        let n_cpu = if scpu > 0.0 {
            match mode {
                Mode::Burst { .. } => ph.got as f64 / scpu,
                _ => ph.got_meas as f64 / scpu,
            }
        } else {
            0.0
        };
        let clean = lost == 0
            && ph.dup == 0
            && ph.mis == 0
            && ph.div == 0
            && self.corrupt == corrupt0
            && self.dead == 0
            && !ph.aborted;
        let achieved = deliv_s / (offered * fan as f64);
        let _ = write!(
            j,
            ",\"offered_msgs_s\":{:.1},\"offered_deliveries_s\":{:.0},\"deliveries_s\":{:.0},\"sent\":{},\"delivered\":{},\
             \"p50_ms\":{:.3},\"p90_ms\":{:.3},\"p99_ms\":{:.3},\"p999_ms\":{:.3},\"max_ms\":{:.3},\
             \"lost\":{},\"dup\":{},\"misordered\":{},\"room_order_diverged\":{},\"corrupt\":{},\"stale\":{},\"dead\":{},\"unsent\":{},\
             \"send_lag_p99_ms\":{:.3},\"drain_s\":{:.3},\"done_s\":{:.3},\"aborted\":{},\"client_bound\":{},\"deliveries_per_server_cpu_s\":{:.0},\"clean\":{}}}",
            offered, offered * fan as f64, deliv_s, ph.sent, ph.got, q(0.5), q(0.9), q(0.99), q(0.999), h.max() as f64 / 1e6,
            lost, ph.dup, ph.mis, ph.div, self.corrupt - corrupt0, self.stale - stale0, self.dead, unsent,
            ph.lag.value_at_quantile(0.99) as f64 / 1e6, drain_s, burst_done, ph.aborted, cfrac > 0.9, n_cpu, clean
        );
        println!("{j}");
        use std::io::Write;
        let _ = std::io::stdout().flush();
        StepOut { msgs_s: deliv_s / fan as f64, p99_ms: q(0.99), achieved, clean, json: j }
    }
}

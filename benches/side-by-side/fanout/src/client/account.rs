//! What becomes of a delivery: whether it is the one that was due, whole, and how late.

use super::*;

impl Client {
    /// Finds the marked content in a delivery and accounts for it. False when there is none.
    #[inline(always)]
    pub(super) fn find_content(&mut self, ci: usize, pl: &[u8], now: u64) -> bool {
        let mut o = self.off_cache;
        if pl.len() < o + HDR || &pl[o..o + 3] != MARK {
            match memmem::find(pl, MARK) {
                Some(x) if pl.len() >= x + HDR => o = x,
                _ => return false,
            }
            self.off_cache = o;
        }
        let n = self.cfg.payload;
        // The content must be whole and be followed by the closing quote.
        if pl.len() <= o + n || pl[o + n] != b'"' || (n > HDR && pl[o + n - 1] != b'x') {
            self.corrupt += 1;
            return true;
        }
        let b = &pl[o..o + HDR];
        let (h0, h1) = (get8(&b[3..11]), get8(&b[11..19]));
        let ts = get8(&b[19..27]) << 32 | get8(&b[27..35]);
        let phase = (h0 >> 24) as u8;
        let room = (h0 >> 8 & 0xffff) as usize;
        let sender = ((h0 & 0xff) << 8 | h1 >> 24) as usize;
        let seq = (h1 & 0xffffff) as u32;
        let j = match self.member_of(ci, room) {
            Some(j) if room < self.cfg.rooms && sender < self.cfg.senders => j,
            _ => {
                self.corrupt += 1;
                return true;
            }
        };
        let slot = room * self.cfg.members + j;
        if phase == PROBE {
            if !self.probe_ok[slot] {
                self.probe_ok[slot] = true;
                self.probe_left -= 1;
                // Full check of the event's shape once per member.
                let uc = self.member_conn(room, sender);
                let has = |s: String| memmem::find(pl, s.as_bytes()).is_some();
                if !(has(format!("\"room-{room}\"")) && has(format!("\"u{uc}\""))) {
                    self.probe_bad += 1;
                }
            }
            return true;
        }
        let ph = &mut self.ph;
        if phase != ph.id {
            self.stale += 1;
            return true;
        }
        let k = slot * self.cfg.senders + sender;
        let e = ph.exp[k];
        if seq == e {
            ph.exp[k] = e + 1;
        } else if seq > e {
            for q in e..seq {
                ph.missing.insert((k as u32, q));
            }
            ph.exp[k] = seq + 1;
        } else if ph.missing.remove(&(k as u32, seq)) {
            ph.mis += 1;
        } else {
            ph.dup += 1;
            return true;
        }
        if self.cfg.senders > 1 {
            // Do all members of the room see one order? The first to see a message writes the log.
            let log = &mut ph.log[room];
            if !self.cfg.echo {
                // a member never sees what it sent itself (sender s is member s)
                while log.get(ph.pos[slot] as usize).is_some_and(|e| e.0 as usize == j) {
                    ph.pos[slot] += 1;
                }
            }
            let p = ph.pos[slot] as usize;
            let me = (sender as u32, seq);
            if p < log.len() && log[p] == me {
                ph.pos[slot] += 1;
            } else {
                let lm = &mut ph.log_max[room * self.cfg.senders + sender];
                if seq + 1 > *lm {
                    *lm = seq + 1;
                    log.push(me);
                    if p + 1 != log.len() {
                        ph.div += 1;
                    }
                    ph.pos[slot] = log.len() as u32;
                } else {
                    ph.div += 1;
                    let end = (p + 256).min(log.len());
                    if p < end {
                        if let Some(x) = log[p..end].iter().position(|v| *v == me) {
                            ph.pos[slot] = (p + x + 1) as u32;
                        }
                    }
                }
            }
        }
        ph.got += 1;
        ph.last_rx = now;
        if now >= ph.meas0 && now < ph.meas1 {
            ph.got_meas += 1;
        }
        let lat = now.saturating_sub(ts);
        if ts >= ph.meas0 && ts < ph.meas1 {
            ph.hist.saturating_record(lat);
        }
        if lat > ph.abort_lat && ph.on {
            ph.aborted = true;
            ph.stop_at = now;
        }
        if ph.closed_window > 0 {
            let m = self.cfg.members as u64 - if self.cfg.echo { 0 } else { 1 };
            let d = &mut ph.room_deliv[room];
            *d += 1;
            if *d % m == 0 {
                ph.ready_rooms.push(room as u32);
            }
        }
        true
    }
}

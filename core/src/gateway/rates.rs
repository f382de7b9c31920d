//! Whether a session may speak now, what happens if not, and what it takes to be sent away for it.

use std::time::Duration;

use super::{Gateway, GatewayOutput, Notice, Slot, request::Asked};
use crate::{
    dialect::Event,
    disconnect::Disconnect,
    id::RequestId,
    limiter::{Action, Rate},
    name::UserName,
    refusal::Refusal,
    shard::Limiters,
    time::Time,
};

/// A limit that a message is above.
#[derive(Clone, Copy, Debug)]
pub(super) struct Above {
    wait: Duration,
    action: Action,
}

impl Gateway {
    fn message_rate(&self) -> Rate {
        Rate { per_second: self.config.message_rate, burst: self.config.message_burst }
    }

    pub(super) fn control_rate(&self) -> Rate {
        let burst = self.config.control_burst;
        let burst = planted!(ControlLimiterTooLoose, burst * 4, burst);
        let burst = planted!(ControlLimiterTooTight, burst / 2, burst);
        Rate { per_second: self.config.control_rate, burst }
    }

    /// Counts a message against every limit, or against none if it is above one.
    pub(super) fn admit_message(&mut self, now: Time, slot: Slot) -> Result<(), Above> {
        let (config, rate) = (self.config.clone(), self.message_rate());
        let connection = self.slots[slot].as_mut().expect("it is in the table");
        let used = connection.account.map_or(&mut [][..], |account| self.quotas.used(account));
        let quotas = || config.message_quotas.iter().copied();
        let above = quotas()
            .zip(&*used)
            .filter_map(|(quota, used)| Some(Above { wait: used.wait(now, quota)?, action: quota.action }));
        if let Some(above) = above.max_by_key(|above| above.wait) {
            return Err(above);
        }
        let message = &mut connection.limiters.message;
        message.take(now, rate).map_err(|wait| Above { wait, action: config.rate_action })?;
        quotas().zip(used).for_each(|(quota, used)| used.admit(now, quota));
        Ok(())
    }

    /// Goes on with the limiters of an earlier connection.
    pub(super) fn carry_limiters(&mut self, slot: Slot, user: &UserName, carried: Limiters) {
        let (message, control) = (self.message_rate(), self.control_rate());
        let quotas = &self.config.message_quotas;
        let account = (!quotas.is_empty()).then(|| {
            let carried = planted!(QuotaRefillsOnReconnect, Vec::new(), carried.quotas);
            self.quotas.open(user, carried, quotas)
        });
        let connection = self.connection(slot);
        connection.account = account;
        let own = &mut connection.limiters;
        own.message = carried.message.emptier(own.message, message);
        if !planted!(ControlLimiterRefillsOnReconnect) {
            own.control = carried.control.emptier(own.control, control);
        }
    }

    /// What a connection that ends leaves to the next one of its session, and to its user.
    pub(super) fn give_limiters_back(&mut self, slot: Slot, user: &UserName) -> Limiters {
        let connection = self.slots[slot].as_mut().expect("it is in the table");
        let account = connection.account.take();
        let quotas = account.map_or_else(Vec::new, |account| self.quotas.close(user, account));
        Limiters { quotas, ..std::mem::take(&mut connection.limiters) }
    }

    /// Does something that costs a control token; without one it is refused.
    pub(super) fn control(
        &mut self,
        now: Time,
        slot: Slot,
        id: Option<RequestId>,
        out: &mut Vec<GatewayOutput>,
        action: impl FnOnce(&mut Self, &mut Vec<GatewayOutput>),
    ) {
        let rate = self.control_rate();
        match self.connection(slot).limiters.control.take(now, rate) {
            Ok(()) => action(self, out),
            Err(wait) => self.refuse_rate(now, slot, id.into(), Above { wait, action: Action::Warn }, out),
        }
    }

    /// Refuses what is above a limit, in the limit's own way.
    pub(super) fn refuse_rate(
        &mut self,
        now: Time,
        slot: Slot,
        asked: Asked<'_>,
        above: Above,
        out: &mut Vec<GatewayOutput>,
    ) {
        let wait = planted!(RetryTimeForgotten, None, Some(above.wait));
        let Asked { id, key } = asked;
        let abusive = self.connection(slot).abuse.refused();
        if above.action == Action::Warn && id.is_none() && key.is_none() {
            self.count_refusal(slot, id, Refusal::RateLimited, out);
            let warnings = &mut self.connection(slot).warnings;
            warnings.pending += 1;
            warnings.retry_after = above.wait;
            self.flush_warnings(now, slot, out);
            self.schedule(slot);
        } else {
            self.refuse(now, slot, asked, Refusal::RateLimited, None, wait, out);
        }
        if abusive || planted!(LimitClosesNobody, false, above.action == Action::Close) {
            self.close(now, slot, Disconnect::RateLimited, out);
        }
    }

    /// Answers with an error, which in some dialects may be the end.
    #[expect(clippy::too_many_arguments, reason = "an error frame, taken apart")]
    pub(super) fn refuse<'a>(
        &mut self,
        now: Time,
        slot: Slot,
        asked: impl Into<Asked<'a>>,
        refusal: Refusal,
        detail: Option<&str>,
        retry_after: Option<Duration>,
        out: &mut Vec<GatewayOutput>,
    ) {
        let Asked { id, key } = asked.into();
        self.count_refusal(slot, id, refusal, out);
        self.tell(now, slot, &Event::Error { id, key, refusal, detail, retry_after }, out);
        let dialect = self.connection(slot).codec.dialect();
        let strict = planted!(ClosesForgiven, false, self.config.strict_closes);
        if let Some(reason) = dialect.closes(refusal, strict) {
            self.close(now, slot, reason, out);
        }
    }

    fn count_refusal(
        &mut self,
        slot: Slot,
        id: Option<RequestId>,
        refusal: Refusal,
        out: &mut Vec<GatewayOutput>,
    ) {
        self.counters.refusals[refusal as usize] += 1;
        let connection = self.connection(slot).id;
        out.push(GatewayOutput::Notice(Notice::Refused { connection, id, refusal }));
    }
}

//! Time as a number, always an argument.

use std::{fmt, ops, time::Duration};

use serde::{Deserialize, Serialize};

/// Microseconds since the Unix epoch.
///
/// Drivers make it from the wall clock at start plus a monotonic clock, so it never decreases; the
/// simulator makes it from nothing.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Time(pub u64);

impl Time {
    /// How long after `earlier` this is; zero if it is not after it.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// Writes RFC 3339 in UTC with milliseconds, as in `2026-11-21T05:03:00.125Z`. The format ends with the year 9999,
    /// and what is later is written as its last millisecond.
    pub fn write_rfc3339(self, out: &mut impl fmt::Write) -> fmt::Result {
        // By hand, for every message has one, and formatting each part alone costs ten times as much.
        let millis = (self.0 / 1_000).min(LAST_MILLI);
        let (days, in_day) = (millis / 86_400_000, millis % 86_400_000);
        let (year, month, day) = civil_from_days(days);
        let mut text = *b"0000-00-00T00:00:00.000Z";
        digits(&mut text[..4], year);
        digits(&mut text[5..7], month);
        digits(&mut text[8..10], day);
        digits(&mut text[11..13], in_day / 3_600_000);
        digits(&mut text[14..16], in_day / 60_000 % 60);
        digits(&mut text[17..19], in_day / 1_000 % 60);
        digits(&mut text[20..23], in_day % 1_000);
        out.write_str(str::from_utf8(&text).expect("digits are text"))
    }

    /// Reads what [`write_rfc3339`](Self::write_rfc3339) writes, and nothing else.
    #[must_use]
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let number = |range: ops::Range<usize>| text.get(range)?.parse::<u64>().ok();
        let days = days_from_civil(number(0..4)?, number(5..7)?, number(8..10)?)?;
        let seconds = ((days * 24 + number(11..13)?) * 60 + number(14..16)?) * 60 + number(17..19)?;
        let time = Self((seconds * 1_000 + number(20..23)?) * 1_000);
        // Nothing that is out of range, or stands between the numbers, is written in this way.
        (time.to_string() == text).then_some(time)
    }
}

/// The last millisecond of the year 9999.
const LAST_MILLI: u64 = 253_402_300_799_999;

/// Writes a number's last digits, as many as fit.
fn digits(out: &mut [u8], mut number: u64) {
    for digit in out.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).expect("a digit");
        number /= 10;
    }
}

/// The proleptic Gregorian date of a day counted from 1970-01-01.
///
/// Counts in eras of 400 years (146,097 days) that begin on 1 March, so that the leap day is a year's last.
fn civil_from_days(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468; // days from 0000-03-01 to 1970-01-01
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// The inverse of [`civil_from_days`], for dates from 1970 on.
fn days_from_civil(year: u64, month: u64, day: u64) -> Option<u64> {
    let year = if month <= 2 { year.checked_sub(1)? } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day.checked_sub(1)?;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era).checked_sub(719_468)
}

impl ops::Add<Duration> for Time {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_rfc3339(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_follow_the_calendar() {
        let at = |seconds: u64| Time(seconds * 1_000_000).to_string();
        assert_eq!(at(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(at(951_782_399), "2000-02-28T23:59:59.000Z");
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00.000Z");
        assert_eq!(at(4_107_542_400), "2100-03-01T00:00:00.000Z");
        assert_eq!(Time(1_795_237_380_125_999).to_string(), "2026-11-21T05:03:00.125Z");
        assert_eq!(at(253_402_300_799), "9999-12-31T23:59:59.000Z");
        assert_eq!(Time(u64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn what_is_written_can_be_read() {
        for millis in [0, 951_782_399_000, 951_782_400_001, 4_107_542_400_999, 1_795_237_380_125, LAST_MILLI]
        {
            let time = Time(millis * 1_000);
            assert_eq!(Time::from_rfc3339(&time.to_string()), Some(time));
        }
        let wrong = [
            "",
            "2026-11-21",
            "2026-11-21T05:03:00Z",
            "2026-13-21T05:03:00.125Z",
            "2026-02-29T05:03:00.125Z",
            "2026-11-00T05:03:00.125Z",
            "0000-01-01T00:00:00.000Z",
            "1969-12-31T23:59:59.999Z",
            "2026-11-21T25:03:00.125Z",
            "2026-11-21T+5:03:00.125Z",
            "2026-11-21 05:03:00.125Z",
        ];
        for text in wrong {
            assert_eq!(Time::from_rfc3339(text), None, "{text}");
        }
    }
}

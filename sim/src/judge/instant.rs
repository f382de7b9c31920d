//! Instants as text, read without core's help: RFC 3339 in UTC, with milliseconds.

/// The milliseconds since 1970 of a text like `2026-11-21T05:03:00.000Z`; nothing if it is another text, or no date.
pub(crate) fn millis(text: &str) -> Option<u64> {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00.000Z";
    let bytes = text.as_bytes();
    let fits = |(its, shape): (&u8, &u8)| if *shape == b'0' { its.is_ascii_digit() } else { its == shape };
    if bytes.len() != SHAPE.len() || !bytes.iter().zip(SHAPE).all(fits) {
        return None;
    }
    let number = |from: usize, to: usize| {
        bytes[from..to].iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
    };
    let (hour, minute, second) = (number(11, 13), number(14, 16), number(17, 19));
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days(number(0, 4), number(5, 7), number(8, 10))?;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000 + number(20, 23))
}

/// The days from 1970 to a date: whole years, whole months, and what is left.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    const MONTHS: [u64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let place = usize::try_from(month).ok()?.checked_sub(1)?;
    let length = MONTHS.get(place)? + u64::from(month == 2 && is_leap(year));
    if year < 1970 || !(1..=length).contains(&day) {
        return None;
    }
    // Leap years before a year, counted from the year 0.
    let leaps = |year: u64| (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
    let years = (year - 1970) * 365 + leaps(year) - leaps(1970);
    let months = MONTHS[..place].iter().sum::<u64>() + u64::from(month > 2 && is_leap(year));
    Some(years + months + day - 1)
}

#[cfg(test)]
mod tests {
    use chinwag_core::Time;

    use super::*;

    #[test]
    fn instants_have_one_shape() {
        assert_eq!(millis("2026-11-21T05:03:00.125Z"), Some(1_795_237_380_125));
        for text in [
            "2026-11-21T05:03:00Z",
            "2026-11-21 05:03:00.125Z",
            "",
            "2026-11-21T05:03:00.00xZ",
            "2026-02-29T05:03:00.000Z",
            "2026-13-01T05:03:00.000Z",
            "2026-11-21T24:03:00.000Z",
        ] {
            assert_eq!(millis(text), None, "{text}");
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        for day in 0..200_000 {
            let text = Time(day * 86_400_000_000).to_string();
            assert_eq!(millis(&text), Some(day * 86_400_000), "{text}");
        }
    }
}

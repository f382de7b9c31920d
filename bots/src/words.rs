//! Numbers as people read them.

use crate::judged::Checked;

/// What was measured, as in "was 182 ms".
#[must_use]
pub fn measured(threshold: &Checked) -> String {
    let is_time = threshold.metric.contains("latency")
        || threshold.metric.contains("lag")
        || threshold.metric.contains("time");
    match threshold.value {
        None => "nothing was measured".into(),
        Some(value) if is_time => format!("was {}", span(value as u64)),
        Some(value) => format!("was {}", number(value as u64)),
    }
}

/// A number with commas between thousands.
#[must_use]
pub fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Microseconds with the unit that suits them.
#[must_use]
pub fn span(microseconds: u64) -> String {
    match microseconds {
        0..1_000 => format!("{microseconds} µs"),
        1_000..100_000 => format!("{:.1} ms", microseconds as f64 / 1e3),
        100_000..1_000_000 => format!("{} ms", microseconds / 1_000),
        _ => format!("{:.2} s", microseconds as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (value, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn spans_have_a_fitting_unit() {
        for (value, text) in [(31, "31 µs"), (1_250, "1.2 ms"), (182_400, "182 ms"), (1_210_000, "1.21 s")] {
            assert_eq!(span(value), text);
        }
    }
}

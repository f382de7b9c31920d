//! Whose pages may talk to the server: the `Origin` that browsers send along (S3.1, S3.28; RFC 6454 §7).

use hyper::header::HeaderValue;

/// What stands for every origin.
const ANY: &str = "*";

/// Origins whose pages may open WebSockets and read answers. Requests without an `Origin` are no page's and always pass.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Origins(Vec<String>);

impl Default for Origins {
    /// Every origin: nothing here rests on cookies, so a page can do no more than its user's own programs.
    fn default() -> Self {
        Self(vec![ANY.to_owned()])
    }
}

impl Origins {
    /// Reads a comma-separated list, in which `*` is every origin.
    ///
    /// # Errors
    /// An entry is no origin.
    pub fn parse(list: &str) -> Result<Self, String> {
        let entries = list.split(',').map(|entry| entry.trim().trim_end_matches('/').to_ascii_lowercase());
        let entries: Vec<_> = entries.collect();
        if entries.iter().all(|entry| is_origin(entry)) {
            return Ok(Self(entries));
        }
        Err("a list of origins, as in https://a.example,http://localhost:3000, or *".to_owned())
    }

    /// Whether this origin's pages may talk to the server.
    #[must_use]
    pub(crate) fn allow(&self, origin: &HeaderValue) -> bool {
        self.0.iter().any(|entry| entry == ANY) || self.name(origin)
    }

    /// Whether this origin is on the list by its name.
    #[must_use]
    pub(crate) fn name(&self, origin: &HeaderValue) -> bool {
        let is = |entry: &String| entry != ANY && origin.as_bytes().eq_ignore_ascii_case(entry.as_bytes());
        self.0.iter().any(is)
    }

    /// The list as text.
    #[must_use]
    pub fn list(&self) -> String {
        self.0.join(",")
    }
}

/// A scheme and a host, perhaps with a port, and nothing behind them.
fn is_origin(entry: &str) -> bool {
    // `null` is what browsers send for files and for frames in a sandbox.
    if entry == ANY || entry == "null" {
        return true;
    }
    let Some((scheme, host)) = entry.split_once("://") else { return false };
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    plain(scheme) && plain(host) && !host.contains(['/', '?', '#', '@', '*'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(list: &str, origin: &'static str) -> bool {
        Origins::parse(list).unwrap().allow(&HeaderValue::from_static(origin))
    }

    #[test]
    fn a_list_lets_in_what_is_on_it() {
        assert!(allows("*", "https://anything.example") && allows("https://a.example, *", "null"));
        assert!(allows("https://a.example,http://localhost:3000", "http://localhost:3000"));
        assert!(allows("https://A.example/", "https://a.example"));
        assert!(!allows("https://a.example", "http://a.example"));
        assert!(!allows("https://a.example", "https://a.example:444"));
        assert!(!allows("https://a.example", "https://a.example.evil.example"));
        assert!(!allows("https://a.example", "null") && allows("null", "null"));
    }

    #[test]
    fn what_could_never_match_is_a_mistake() {
        for list in ["", "a.example", "https://a.example/chat", "https://*.a.example", "https://a.example,,"]
        {
            assert!(Origins::parse(list).is_err(), "{list}");
        }
        let list = "https://a.example,http://localhost:3000";
        assert_eq!(Origins::parse(list).unwrap().list(), list);
    }
}

//! The pages that a browser is shown, the chat at `/` and the live view at `/admin`: built from `web/page`, embedded, and sent compressed to whoever understands that.

use std::sync::LazyLock;

use bytes::Bytes;
use chinwag_core::hash;
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    header::{
        ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
        HeaderName, HeaderValue, IF_NONE_MATCH, UPGRADE, VARY,
    },
};

use crate::answer::{Answer, With as _, body};

/// Nothing but what this server sends, and no page around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// Where the chat is.
const CHAT: &str = "/";
/// Before it stands all that is said about the page.
const END_OF_HEAD: &[u8] = b"</head>";

/// A file of the page.
struct File {
    path: &'static str,
    content_type: &'static str,
    plain: &'static [u8],
    gzip: &'static [u8],
}

macro_rules! file {
    ($path:literal, $content_type:literal, $name:literal) => {
        File {
            path: $path,
            content_type: $content_type,
            plain: include_bytes!(concat!("../page/", $name)),
            gzip: include_bytes!(concat!("../page/", $name, ".gz")),
        }
    };
}

static FILES: [File; 6] = [
    file!("/", "text/html; charset=utf-8", "index.html"),
    file!("/page.js", "text/javascript; charset=utf-8", "page.js"),
    file!("/admin", "text/html; charset=utf-8", "admin.html"),
    file!("/admin.js", "text/javascript; charset=utf-8", "admin.js"),
    file!("/page.css", "text/css; charset=utf-8", "page.css"),
    file!("/icon.svg", "image/svg+xml", "icon.svg"),
];

/// Names what all files hold: they belong together.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let version = FILES.iter().fold(0, |version, file| hash::mix(version, hash::bytes(file.plain)));
    format!("{version:016x}")
});

/// The page's answer, if a request is for a file of it. At `/` that is what asks for no WebSocket; where people can upload
/// files of so many bytes, it says so.
pub(crate) fn answer<B>(request: &Request<B>, file_bytes_max: Option<usize>) -> Option<Answer> {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let file = FILES.iter().find(|file| file.path == request.uri().path())?;
    let is_meant = is_read && !request.headers().contains_key(UPGRADE);
    is_meant.then(|| match file_bytes_max.filter(|_| file.path == CHAT) {
        Some(bytes) => {
            let variant = format!("{}-files-{bytes}", *VERSION);
            serve(file, with_files(file.plain, bytes), false, &variant, request.headers())
        }
        None => {
            let is_packed = understands_gzip(request.headers());
            let (bytes, suffix) = if is_packed { (file.gzip, "-gzip") } else { (file.plain, "") };
            let variant = format!("{}{suffix}", *VERSION);
            serve(file, Bytes::from_static(bytes), is_packed, &variant, request.headers())
        }
    })
}

/// The chat's page, with how large a file may be.
fn with_files(page: &[u8], bytes_max: usize) -> Bytes {
    let end = page.windows(END_OF_HEAD.len()).position(|part| part == END_OF_HEAD);
    let (head, rest) = page.split_at(end.expect("the page has a head"));
    let meta = format!("<meta name=\"file-bytes-max\" content=\"{bytes_max}\" />");
    [head, meta.as_bytes(), rest].concat().into()
}

fn serve(file: &File, bytes: Bytes, is_packed: bool, variant: &str, headers: &HeaderMap) -> Answer {
    let tag = format!("\"{variant}\"");
    let is_known = headers.get(IF_NONE_MATCH).is_some_and(|known| names(known, &tag));
    let mut answer = Response::new(body(if is_known { Bytes::new() } else { bytes }));
    if is_known {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
    }
    if is_packed {
        answer = answer.with(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    let tag = HeaderValue::from_str(&tag).expect("hexadecimal digits are plain ASCII");
    secured(answer)
        .with(CONTENT_TYPE, HeaderValue::from_static(file.content_type))
        .with(ETAG, tag)
        .with(VARY, HeaderValue::from_static("accept-encoding"))
        // It is asked each time whether it has changed: after an update of the server, nobody has half of an old page.
        .with(CACHE_CONTROL, HeaderValue::from_static("no-cache"))
}

fn secured(answer: Answer) -> Answer {
    let same_origin = HeaderValue::from_static("same-origin");
    answer
        .with(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY))
        .with(HeaderName::from_static("cross-origin-opener-policy"), same_origin.clone())
        .with(HeaderName::from_static("cross-origin-resource-policy"), same_origin)
}

/// Whether gzip is among what is understood, and not only to say that it is not (RFC 9110 §12.5.3).
fn understands_gzip(headers: &HeaderMap) -> bool {
    let lists = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|list| list.to_str().ok());
    lists.flat_map(|list| list.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, "q=1"));
        let is_refused = weight.trim().strip_prefix("q=").and_then(|q| q.parse().ok()) == Some(0.0);
        name.trim().eq_ignore_ascii_case("gzip") && !is_refused
    })
}

/// Whether a list of tags holds this one, or says that any will do.
fn names(list: &HeaderValue, tag: &str) -> bool {
    let tags = list.to_str().unwrap_or_default().split(',').map(str::trim);
    tags.map(|known| known.trim_start_matches("W/")).any(|known| known == tag || known == "*")
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use hyper::Uri;

    use super::*;

    fn asked(path: &'static str, headers: &[(HeaderName, &'static str)]) -> Option<Answer> {
        let mut request = Request::new(());
        *request.uri_mut() = Uri::from_static(path);
        let headers = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
        request.headers_mut().extend(headers);
        answer(&request, None)
    }

    async fn body(answer: Answer) -> Bytes {
        answer.into_body().collect().await.unwrap().to_bytes()
    }

    #[tokio::test]
    async fn it_is_sent_as_the_browser_understands_it() {
        for file in &FILES {
            let plain = asked(file.path, &[]).unwrap();
            assert_eq!(plain.headers().get(CONTENT_ENCODING), None);
            assert_eq!(body(plain).await, file.plain);
            for (accepted, is_packed) in
                [("br, gzip", true), ("GZIP;q=0.5", true), ("gzip;q=0, br", false), ("gzipped", false)]
            {
                let answer = asked(file.path, &[(ACCEPT_ENCODING, accepted)]).unwrap();
                assert_eq!(answer.headers().contains_key(CONTENT_ENCODING), is_packed, "{accepted}");
                assert_eq!(body(answer).await, if is_packed { file.gzip } else { file.plain });
            }
        }
    }

    #[tokio::test]
    async fn what_the_browser_has_is_not_sent_again() {
        let tag = asked("/page.js", &[]).unwrap().headers()[ETAG].to_str().unwrap().to_owned();
        let tag: &'static str = Box::leak(format!("\"other\", W/{tag}").into_boxed_str());
        let again = asked("/page.js", &[(IF_NONE_MATCH, tag)]).unwrap();
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(body(again).await, "");
        let packed = asked("/page.js", &[(IF_NONE_MATCH, tag), (ACCEPT_ENCODING, "gzip")]).unwrap();
        assert_eq!(packed.status(), StatusCode::OK, "a compressed one is another");
    }

    #[tokio::test]
    async fn it_says_how_large_a_file_may_be_where_files_are_taken() {
        let asked = |path, known: Option<&HeaderValue>| {
            let mut request = Request::new(());
            *request.uri_mut() = Uri::from_static(path);
            request.headers_mut().extend(known.map(|tag| (IF_NONE_MATCH, tag.clone())));
            answer(&request, Some(1_234)).unwrap()
        };
        let page = asked("/", None);
        let tag = page.headers()[ETAG].clone();
        assert_eq!(asked("/", Some(&tag)).status(), StatusCode::NOT_MODIFIED);
        let text = String::from_utf8(body(page).await.to_vec()).unwrap();
        assert!(text.contains("<meta name=\"file-bytes-max\" content=\"1234\" /></head>"), "{text}");
        assert_ne!(answer(&Request::new(()), None).unwrap().headers()[ETAG], tag, "it is another page");
        assert_eq!(body(asked("/page.js", None)).await, FILES[1].plain);
    }

    #[test]
    fn a_websocket_is_not_the_page() {
        assert!(asked("/", &[(UPGRADE, "websocket")]).is_none());
        assert!(asked("/chat", &[]).is_none());
        assert!(asked("/?room=general", &[]).is_some());
    }

    #[test]
    fn nothing_foreign_may_come_in() {
        for file in &FILES {
            let answer = asked(file.path, &[]).unwrap();
            let policy = answer.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        }
    }
}

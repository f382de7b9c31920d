//! What a file is, told from how it begins (the WHATWG's MIME Sniffing standard): what it is called, or said to be, counts for nothing.

/// As much of a file tells what it is, in bytes.
pub(crate) const TELLING_BYTES: usize = 1_024;

/// What a file is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FileType {
    /// A picture.
    Png,
    /// A picture.
    Jpeg,
    /// A picture.
    Gif,
    /// A picture.
    WebP,
    /// A document.
    Pdf,
    /// An archive, or an office's document, which is one.
    Zip,
    /// What was compressed.
    Gzip,
    /// A film.
    Mp4,
    /// A film.
    WebM,
    /// Sound.
    Mp3,
    /// Sound.
    Ogg,
    /// Sound.
    Wav,
    /// Text of any kind: HTML, SVG and scripts, too, which are given out as nothing but text.
    Text,
    /// Anything else, such as programs.
    Other,
}

impl FileType {
    /// Those with a name of their own.
    pub const KNOWN: [Self; 13] = [
        Self::Png,
        Self::Jpeg,
        Self::Gif,
        Self::WebP,
        Self::Pdf,
        Self::Zip,
        Self::Gzip,
        Self::Mp4,
        Self::WebM,
        Self::Mp3,
        Self::Ogg,
        Self::Wav,
        Self::Text,
    ];

    /// What a file is that begins so.
    pub(crate) fn of(head: &[u8]) -> Self {
        Self::KNOWN.into_iter().find(|kind| kind.begins(head)).unwrap_or(Self::Other)
    }

    /// The type with this name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::KNOWN.into_iter().chain([Self::Other]).find(|kind| kind.name() == name)
    }

    /// Its media type.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::WebP => "image/webp",
            Self::Pdf => "application/pdf",
            Self::Zip => "application/zip",
            Self::Gzip => "application/gzip",
            Self::Mp4 => "video/mp4",
            Self::WebM => "video/webm",
            Self::Mp3 => "audio/mpeg",
            Self::Ogg => "application/ogg",
            Self::Wav => "audio/wave",
            Self::Text => "text/plain",
            Self::Other => "application/octet-stream",
        }
    }

    fn begins(self, head: &[u8]) -> bool {
        let is_riff = |form: &[u8]| head.starts_with(b"RIFF") && head.get(8..12) == Some(form);
        match self {
            Self::Png => head.starts_with(b"\x89PNG\r\n\x1a\n"),
            Self::Jpeg => head.starts_with(b"\xff\xd8\xff"),
            Self::Gif => head.starts_with(b"GIF87a") || head.starts_with(b"GIF89a"),
            Self::WebP => is_riff(b"WEBP"),
            Self::Pdf => head.starts_with(b"%PDF-"),
            Self::Zip => head.starts_with(b"PK\x03\x04"),
            Self::Gzip => head.starts_with(b"\x1f\x8b\x08"),
            Self::Mp4 => head.get(4..8) == Some(b"ftyp"),
            Self::WebM => head.starts_with(b"\x1a\x45\xdf\xa3"),
            Self::Mp3 => head.starts_with(b"ID3"),
            Self::Ogg => head.starts_with(b"OggS\0"),
            Self::Wav => is_riff(b"WAVE"),
            Self::Text => has_utf16_mark(head) || !head.iter().any(|&byte| is_binary(byte)),
            Self::Other => true,
        }
    }
}

fn has_utf16_mark(head: &[u8]) -> bool {
    head.starts_with(b"\xfe\xff") || head.starts_with(b"\xff\xfe")
}

/// Whether a byte stands in no text: a "binary data byte" of the standard.
const fn is_binary(byte: u8) -> bool {
    matches!(byte, 0x00..=0x08 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_it_begins_as() {
        for (head, name) in [
            (&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], "image/png"),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
            (b"GIF89a\x01\0", "image/gif"),
            (b"RIFF\x24\0\0\0WEBPVP8 ", "image/webp"),
            (b"RIFF\x24\0\0\0WAVEfmt ", "audio/wave"),
            (b"%PDF-1.7\n\xe2\xe3", "application/pdf"),
            (b"PK\x03\x04\x14\0", "application/zip"),
            (b"\0\0\0\x20ftypisom", "video/mp4"),
            (b"<!doctype html><script>", "text/plain"),
            (b"<svg onload=alert(1)>", "text/plain"),
            (b"", "text/plain"),
            ("süß".as_bytes(), "text/plain"),
            (b"\xff\xfeh\0i\0", "text/plain"),
            (b"\x7fELF\x02\x01\x01\0", "application/octet-stream"),
            (b"MZ\x90\0\x03", "application/octet-stream"),
            (b"RIFF", "text/plain"),
        ] {
            assert_eq!(FileType::of(head).name(), name, "{head:?}");
            assert_eq!(FileType::from_name(name), Some(FileType::of(head)));
        }
    }
}

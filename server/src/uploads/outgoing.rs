//! A file that is being downloaded: read as fast as it is taken, and never held whole.

use std::{
    fs,
    io::{self, SeekFrom},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use hyper::{
    Response,
    body::{Body, Frame, SizeHint},
    header::{
        CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue,
        X_CONTENT_TYPE_OPTIONS,
    },
};
use tokio::{
    fs::File,
    io::{AsyncRead as _, AsyncReadExt as _, AsyncSeekExt as _, ReadBuf},
    task::spawn_blocking,
};

use super::{
    FileId, Turn, Uploads, is_file,
    label::{LABEL_BYTES_MAX, Label},
    name,
};

/// Most that is read of a file at once, in bytes.
pub(crate) const PIECE_BYTES: usize = 64 * 1024;

/// The rest of a file.
#[derive(Debug)]
pub(crate) struct Outgoing {
    file: File,
    piece: Box<[u8]>,
    left: u64,
    _turn: Turn,
}

impl Uploads {
    /// A file, to be taken within one's turn.
    ///
    /// # Errors
    /// It cannot be read, or is no longer there.
    pub(crate) async fn give(&self, id: FileId, turn: Turn) -> io::Result<Response<Outgoing>> {
        let path = self.path(id);
        // Somebody may have put a link in its place meanwhile.
        let opened = spawn_blocking(move || {
            if is_file(&path)? { fs::File::open(path) } else { Err(io::ErrorKind::NotFound.into()) }
        });
        let mut file = File::from_std(opened.await.expect("it does not panic")?);
        let mut head = Vec::with_capacity(LABEL_BYTES_MAX);
        (&mut file).take(LABEL_BYTES_MAX as u64).read_to_end(&mut head).await?;
        let (label, begin) = Label::read(&head).ok_or(io::ErrorKind::InvalidData)?;
        if label.age() > self.config.file_ttl {
            return Err(io::ErrorKind::NotFound.into());
        }
        let left = file.metadata().await?.len() - begin as u64;
        file.seek(SeekFrom::Start(begin as u64)).await?;
        self.figures.downloaded.inc();
        let piece = vec![0; PIECE_BYTES].into_boxed_slice();
        Ok(guarded(Response::new(Outgoing { file, piece, left, _turn: turn }), &label))
    }
}

/// With headers that let no browser take it for anything but a file to be saved, whatever is in it.
fn guarded(mut answer: Response<Outgoing>, label: &Label) -> Response<Outgoing> {
    let media_type = HeaderValue::from_str(&label.media_type);
    let unknown = || HeaderValue::from_static("application/octet-stream");
    answer.headers_mut().extend([
        (CONTENT_TYPE, media_type.unwrap_or_else(|_| unknown())),
        (CONTENT_DISPOSITION, name::disposition(&label.name)),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
        // It is looked at each time who asks.
        (CACHE_CONTROL, HeaderValue::from_static("private, no-store")),
    ]);
    answer
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let Self { file, piece, left, .. } = self.get_mut();
        if *left == 0 {
            return Poll::Ready(None);
        }
        let most = usize::try_from(*left).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES));
        let mut read = ReadBuf::new(&mut piece[..most]);
        ready!(Pin::new(file).poll_read(context, &mut read))?;
        let bytes = Bytes::copy_from_slice(read.filled());
        if bytes.is_empty() {
            // Somebody has cut it meanwhile.
            return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into())));
        }
        *left -= bytes.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

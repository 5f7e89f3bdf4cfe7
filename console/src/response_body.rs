//! The body of an answer: a whole one, or a list that is read while it is sent, in a memory that does not grow with it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc::{self, Receiver, Sender};

/// So many parts wait for a slow reader; then reading waits for it.
const PARTS_AHEAD: usize = 2;

pub enum ResponseBody {
    Whole(Full<Bytes>),
    Streamed(Receiver<Part>),
}

/// A part of a list that is sent. Only `End` ends it well: a list that breaks off must not look whole.
pub enum Part {
    Bytes(Bytes),
    End,
}

#[derive(Debug, thiserror::Error)]
#[error("the list could not be read to its end")]
pub struct CutOff;

impl ResponseBody {
    pub(crate) fn stream() -> (Sender<Part>, Self) {
        let (sender, receiver) = mpsc::channel(PARTS_AHEAD);
        (sender, Self::Streamed(receiver))
    }
}

impl<T: Into<Bytes>> From<T> for ResponseBody {
    fn from(text: T) -> Self {
        Self::Whole(Full::new(text.into()))
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = CutOff;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, CutOff>>> {
        match self.get_mut() {
            Self::Whole(full) => {
                let frame = ready!(Pin::new(full).poll_frame(cx));
                Poll::Ready(frame.map(|frame| frame.map_err(|never| match never {})))
            }
            Self::Streamed(parts) => Poll::Ready(match ready!(parts.poll_recv(cx)) {
                Some(Part::Bytes(bytes)) => Some(Ok(Frame::data(bytes))),
                Some(Part::End) => None,
                None => Some(Err(CutOff)),
            }),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(full) => full.size_hint(),
            Self::Streamed(_) => SizeHint::default(),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(full) => full.is_end_stream(),
            Self::Streamed(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn a_list_that_breaks_off_does_not_look_whole() {
        for is_whole in [true, false] {
            let (sender, body) = ResponseBody::stream();
            tokio::spawn(async move {
                for part in ["a,b\n", "1,2\n", "3,4\n"] {
                    drop(sender.send(Part::Bytes(Bytes::from(part))).await);
                }
                if is_whole {
                    drop(sender.send(Part::End).await);
                }
            });
            let read = body.collect().await.map(http_body_util::Collected::to_bytes);
            assert_eq!(read.ok(), is_whole.then(|| Bytes::from("a,b\n1,2\n3,4\n")));
        }
    }
}

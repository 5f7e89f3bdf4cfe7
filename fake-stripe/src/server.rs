//! The listener: takes requests apart, lets go wrong what is to go wrong, and answers.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::call::{Call, Reply, parameters};
use crate::faults::Fault;
use crate::state::State;

pub(crate) async fn serve(listener: TcpListener, state: Arc<Mutex<State>>, end: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            () = end.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else { continue };
        let (state, end) = (Arc::clone(&state), end.clone());
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, Arc::clone(&state)));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            tokio::select! {
                () = end.cancelled() => {}
                _ended = connection => {}
            }
        });
    }
}

/// An error cuts the connection.
async fn answer(
    request: Request<Incoming>,
    state: Arc<Mutex<State>>,
) -> Result<Response<Full<Bytes>>, io::Error> {
    let call = read(request).await?;
    let on = |act: &mut dyn FnMut(&mut State) -> Reply| {
        act(&mut state.lock().unwrap_or_else(PoisonError::into_inner))
    };
    let fault = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reply) = state.turned_away(&call).or_else(|| state.repeated(&call)) {
            return response(&reply);
        }
        state.faults.pop_front()
    };
    let mut execute = |state: &mut State| {
        let reply = state.execute(&call);
        state.save(&call, &reply);
        reply
    };
    let reply = match fault {
        None => on(&mut execute),
        Some(Fault::Slow(late)) => {
            tokio::time::sleep(late).await;
            on(&mut execute)
        }
        Some(Fault::CutBefore) => {
            state.lock().unwrap_or_else(PoisonError::into_inner).release(&call);
            return Err(io::Error::other("cut before"));
        }
        Some(Fault::CutAfter) => {
            on(&mut execute);
            return Err(io::Error::other("cut after"));
        }
        Some(Fault::Trouble(status)) => {
            let reply = Reply::error(status, "api_error", "api_error", "An unknown error occurred");
            state.lock().unwrap_or_else(PoisonError::into_inner).save(&call, &reply);
            reply
        }
        Some(Fault::Busy(wait_secs)) => {
            state.lock().unwrap_or_else(PoisonError::into_inner).release(&call);
            State::busy(wait_secs)
        }
        Some(Fault::Malformed) => {
            let mut reply = on(&mut execute);
            let half = (0..=reply.body.len() / 2).rev().find(|at| reply.body.is_char_boundary(*at));
            reply.body.truncate(half.unwrap_or(0));
            reply
        }
    };
    response(&reply)
}

async fn read(request: Request<Incoming>) -> Result<Call, io::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let path = head.uri.path();
    let mut all = parameters(head.uri.query().unwrap_or_default());
    all.extend(parameters(&String::from_utf8_lossy(&body)));
    Ok(Call {
        method: head.method.to_string(),
        path: path.strip_prefix("/v1").unwrap_or(path).to_owned(),
        parameters: all,
        authorization: header("authorization").unwrap_or_default(),
        account: header("stripe-account").unwrap_or_default(),
        idempotency_key: header("idempotency-key"),
        version: header("stripe-version").unwrap_or_default(),
    })
}

fn response(reply: &Reply) -> Result<Response<Full<Bytes>>, io::Error> {
    let mut response = Response::builder().status(reply.status).header("content-type", "application/json");
    for (name, value) in &reply.headers {
        response = response.header(*name, value);
    }
    response.body(Full::new(Bytes::from(reply.body.clone()))).map_err(io::Error::other)
}

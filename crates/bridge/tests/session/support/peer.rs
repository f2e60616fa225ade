//! A gateway that sends whatever bytes it is told to.

use std::{net::SocketAddr, time::Duration};

use prost::Message;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Status, Streaming,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    codegen::http::uri::PathAndQuery,
    transport::Endpoint,
};

use warden_bridge::PROTOCOL_VERSION;

use super::{
    soon,
    wire::{self, gateway_frame::Body as Said, supervisor_frame::Body},
};

pub struct Peer {
    out: mpsc::Sender<Vec<u8>>,
    frames: Streaming<wire::SupervisorFrame>,
}

impl Peer {
    pub async fn dial(address: SocketAddr) -> Self {
        let channel = Endpoint::from_shared(format!("http://{address}")).expect("an address");
        // the smallest window, so that not reading is soon felt
        let channel = channel.connect_timeout(Duration::from_secs(60)).initial_stream_window_size(65_535);
        let channel = soon(channel.connect()).await.expect("connected");
        let (out, bytes) = mpsc::channel(16);
        let mut grpc = tonic::client::Grpc::new(channel);
        grpc.ready().await.expect("ready");
        let path = PathAndQuery::from_static("/mt5_warden.v1.Gateway/Session");
        let request = tonic::Request::new(ReceiverStream::new(bytes));
        let response = soon(grpc.streaming(request, path, Raw)).await.expect("a session");
        Self { out, frames: response.into_inner() }
    }

    /// Dials and says hello for these; the answer has come.
    pub async fn greet(address: SocketAddr, instances: Vec<wire::Served>) -> (Self, wire::Welcome) {
        let mut peer = Self::dial(address).await;
        let welcome = peer.hello(instances).await;
        (peer, welcome)
    }

    pub async fn hello(&mut self, instances: Vec<wire::Served>) -> wire::Welcome {
        let hello =
            wire::Hello { protocol_version: PROTOCOL_VERSION, gateway_version: "test".into(), instances };
        self.say("", 0, Said::Hello(hello)).await;
        match self.next().await.body {
            Some(Body::Welcome(welcome)) => welcome,
            other => panic!("a welcome was expected, not {other:?}"),
        }
    }

    pub async fn say(&self, instance: &str, sequence: u64, body: Said) {
        let frame = wire::GatewayFrame { instance: instance.into(), sequence, body: Some(body) };
        self.send(frame.encode_to_vec()).await;
    }

    /// Reports so many positions.
    pub async fn report(&self, instance: &str, sequence: u64, positions: u32) {
        let report = wire::Report { terminal_alive: true, positions, ..wire::Report::default() };
        self.say(instance, sequence, Said::Report(report)).await;
    }

    /// Says that a command was done.
    pub async fn done(&self, instance: &str, sequence: u64, epoch: u64, id: u64) {
        let outcome = Some(wire::command_result::Outcome::Done(wire::Done {}));
        let result = wire::CommandResult { epoch, id, outcome, ..wire::CommandResult::default() };
        self.say(instance, sequence, Said::Result(result)).await;
    }

    pub async fn send(&self, bytes: Vec<u8>) {
        soon(self.out.send(bytes)).await.expect("the session is open");
    }

    /// The next frame that is not a heartbeat.
    pub async fn next(&mut self) -> wire::SupervisorFrame {
        loop {
            let frame = soon(self.frames.message()).await.expect("a frame").expect("not the end");
            if !matches!(frame.body, Some(Body::Heartbeat(_))) {
                return frame;
            }
        }
    }

    /// The next frame, which is a refusal.
    pub async fn refusal(&mut self) -> wire::Refusal {
        match self.next().await.body {
            Some(Body::Refusal(refusal)) => refusal,
            other => panic!("a refusal was expected, not {other:?}"),
        }
    }

    /// The next frame, which is a command.
    pub async fn command(&mut self) -> (u64, wire::Command) {
        match self.next().await {
            wire::SupervisorFrame { sequence, body: Some(Body::Command(command)), .. } => (sequence, command),
            other => panic!("a command was expected, not {other:?}"),
        }
    }

    /// The next frame, which says goodbye, and the end behind it.
    pub async fn goodbye(&mut self) -> wire::GoodbyeReason {
        let reason = match self.next().await.body {
            Some(Body::Goodbye(goodbye)) => goodbye.reason(),
            other => panic!("a goodbye was expected, not {other:?}"),
        };
        assert!(matches!(soon(self.frames.message()).await, Ok(None) | Err(_)), "the stream ends");
        reason
    }
}

/// Sends bytes as they are, reads frames.
#[derive(Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = wire::SupervisorFrame;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, bytes: Vec<u8>, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        prost::bytes::BufMut::put_slice(into, &bytes);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = wire::SupervisorFrame;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<wire::SupervisorFrame>, Status> {
        wire::SupervisorFrame::decode(from).map(Some).map_err(|fault| Status::internal(fault.to_string()))
    }
}

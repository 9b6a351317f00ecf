//! Faults of requests, and the one table that gives each its status in gRPC and HTTP.

use asof_model::ErrorKind;
use asof_serving::ServingError;
use axum::http::StatusCode;
use tonic::{Code, Status};

/// The class of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FaultClass {
    /// A class that all of Asof knows.
    Kind(ErrorKind),
    /// A message over the limit, which only the edge knows.
    TooLarge,
}

impl FaultClass {
    /// The one table of statuses, and of the class's name in metrics and answers.
    pub(crate) fn statuses(self) -> (Code, StatusCode, &'static str) {
        match self {
            Self::Kind(ErrorKind::InvalidInput) => (Code::InvalidArgument, StatusCode::BAD_REQUEST, "invalid_input"),
            Self::Kind(ErrorKind::NotFound) => (Code::NotFound, StatusCode::NOT_FOUND, "not_found"),
            Self::Kind(ErrorKind::AlreadyExists) => (Code::AlreadyExists, StatusCode::CONFLICT, "already_exists"),
            Self::Kind(ErrorKind::Conflict) => (Code::Aborted, StatusCode::CONFLICT, "conflict"),
            Self::Kind(ErrorKind::Unauthenticated) => {
                (Code::Unauthenticated, StatusCode::UNAUTHORIZED, "unauthenticated")
            }
            Self::Kind(ErrorKind::Forbidden) => (Code::PermissionDenied, StatusCode::FORBIDDEN, "forbidden"),
            Self::Kind(ErrorKind::Exhausted) => (Code::ResourceExhausted, StatusCode::TOO_MANY_REQUESTS, "exhausted"),
            Self::Kind(ErrorKind::Unavailable) => (Code::Unavailable, StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            Self::Kind(ErrorKind::Timeout) => (Code::DeadlineExceeded, StatusCode::GATEWAY_TIMEOUT, "timeout"),
            Self::Kind(ErrorKind::Internal) => (Code::Internal, StatusCode::INTERNAL_SERVER_ERROR, "internal"),
            // The code that the gRPC library itself gives to a message over the limit.
            Self::TooLarge => (Code::OutOfRange, StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        self.statuses().2
    }

    /// Whether the server is at fault, not the request.
    pub(crate) fn is_ours(self) -> bool {
        self.statuses().1.is_server_error()
    }
}

/// Why a request is refused at the edge.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Serving(#[from] ServingError),
    #[error("the request has {rows} rows, this server takes at most {limit}; send it in parts")]
    TooManyRows { rows: usize, limit: usize },
    #[error("the body is longer than the {limit} bytes that this server takes; send it in parts")]
    BodyTooLarge { limit: usize },
    #[error("the body broke off: {0}")]
    Body(String),
    #[error("{0}")]
    Selection(&'static str),
    #[error("column `{column}`: {message}")]
    Column { column: String, message: String },
    #[error("the server stopped before the answer was ready")]
    CutOff,
    #[error("there is no `{method} {path}`; this server has {known}")]
    NoSuchPath {
        method: String,
        path: String,
        known: &'static str,
    },
}

impl Fault {
    pub(crate) fn class(&self) -> FaultClass {
        match self {
            Self::Serving(error) => FaultClass::Kind(error.kind()),
            Self::TooManyRows { .. } | Self::Body(_) | Self::Selection(_) | Self::Column { .. } => {
                FaultClass::Kind(ErrorKind::InvalidInput)
            }
            Self::BodyTooLarge { .. } => FaultClass::TooLarge,
            Self::CutOff => FaultClass::Kind(ErrorKind::Unavailable),
            Self::NoSuchPath { .. } => FaultClass::Kind(ErrorKind::NotFound),
        }
    }
}

impl From<Fault> for Status {
    fn from(fault: Fault) -> Self {
        Self::new(fault.class().statuses().0, fault.to_string())
    }
}

//! The wire types of Asof: messages, clients and servers generated from `proto/`, and the descriptors for reflection.
//!
//! There is no logic here. What a message means is written in its `.proto` file and, for Asof's own, repeated as
//! documentation here. `cargo xtask gen` writes `src/gen/`; the files are committed, so that building needs neither
//! `protoc` nor a build script. Map fields are ordered maps: equal messages encode to equal bytes.

/// The descriptors of every `.proto` file and all that they import, as an encoded `google.protobuf.FileDescriptorSet`.
///
/// Comments are left out. Register it with a gRPC reflection service.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("gen/descriptors.bin");

/// Packages of Asof.
pub mod asof {
    /// Handing out features.
    pub mod serving {
        #[allow(
            clippy::all,
            clippy::pedantic,
            clippy::use_self,
            missing_docs,
            unused_qualifications,
            reason = "generated code; the source of its style and of its comments is elsewhere"
        )]
        /// `asof.serving.v1`: typed columns of features for a batch of entity rows.
        pub mod v1 {
            include!("gen/asof.serving.v1.rs");
        }
    }
}

/// Packages of Feast, for the clients that exist.
#[allow(
    clippy::all,
    clippy::pedantic,
    clippy::use_self,
    missing_docs,
    unused_qualifications,
    reason = "generated code, and names that Feast has documented"
)]
pub mod feast {
    /// `feast.types`: values of any type, one message each.
    pub mod types {
        include!("gen/feast.types.rs");
    }
    /// `feast.serving`: the interface of Feast's Go and Java servers, `ServingService`.
    pub mod serving {
        include!("gen/feast.serving.rs");
    }
    /// The interface of Feast's Python server, `GrpcFeatureServer`, which is in no package.
    pub mod grpc_server {
        // The generated code stands outside of every package and names the others from the root.
        use crate::feast;

        include!("gen/feast.grpc_server.rs");
    }
}

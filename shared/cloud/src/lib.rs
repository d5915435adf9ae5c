//! The AWS services beside DynamoDB: media in S3, notices over SNS.

pub mod media;
pub mod notices;

pub use crate::{
    media::{MediaStore, SignedUrl, Upload},
    notices::Notices,
};

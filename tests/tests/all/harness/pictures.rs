//! Pictures such as phones make: small, real files of every type that is taken.

use std::io::Cursor;

use image::{ImageFormat, Rgb, RgbImage};

/// A picture file.
#[derive(Debug, Clone)]
pub(crate) struct Picture {
    /// Its type, as a phone announces it.
    pub(crate) content_type: &'static str,
    /// The file.
    pub(crate) bytes: Vec<u8>,
}

/// A JPEG; another number is another picture.
pub(crate) fn jpeg(number: u64) -> Picture {
    picture(ImageFormat::Jpeg, number)
}

/// A picture of this type; another number is another picture.
pub(crate) fn picture(format: ImageFormat, number: u64) -> Picture {
    let shade = u8::try_from(number % 200).unwrap();
    let image =
        RgbImage::from_fn(48, 32, |x, y| Rgb([shade, u8::try_from(x * 5).unwrap(), u8::try_from(y * 7).unwrap()]));
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    Picture { content_type: format.to_mime_type(), bytes: bytes.into_inner() }
}

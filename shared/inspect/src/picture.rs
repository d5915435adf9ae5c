//! The clean copies of a picture: nothing but its pixels, upright.

use std::io::Cursor;

use image::{
    DynamicImage, GrayImage, ImageDecoder, ImageError, ImageReader, RgbImage, codecs::jpeg::JpegEncoder,
    imageops::FilterType, metadata::Orientation,
};
use jpeg_decoder::PixelFormat;
use pingan_domain::media::{
    MAX_IMAGE_SIDE_PIXELS, MediaRefusal, MediaType, THUMBNAIL_SIDE_PIXELS, WORKING_SIDE_PIXELS, check_pixels,
};

use crate::{Copies, CopyFile, jpeg::Jpeg};

/// The most memory that one decoder may take, in bytes.
const MAX_DECODER_BYTES: u64 = 512 * 1024 * 1024;
/// The most pixels that are decoded at full size where decoding smaller has failed.
const MAX_FULL_PIXELS: u64 = 40_000_000;
const WORKING_QUALITY: u8 = 85;
const THUMBNAIL_QUALITY: u8 = 80;

/// Both copies of decoded pixels, which the orientation turns upright.
pub(crate) fn copies(pixels: DynamicImage, orientation: u8) -> Result<Copies, MediaRefusal> {
    // Turning is cheap once there is less to turn.
    let mut working = flat(smaller(pixels, WORKING_SIDE_PIXELS));
    if let Some(orientation) = Orientation::from_exif(orientation) {
        working.apply_orientation(orientation);
    }
    let file = encode(&working, WORKING_QUALITY)?;
    let thumbnail = encode(&smaller(working, THUMBNAIL_SIDE_PIXELS), THUMBNAIL_QUALITY)?;
    Ok(Copies { working: Some(file), thumbnail: Some(thumbnail) })
}

/// Decodes a JPEG, as small as its decoder can and no smaller than the working copy.
pub(crate) fn decode_jpeg(bytes: &[u8], jpeg: &Jpeg) -> Result<DynamicImage, MediaRefusal> {
    check_pixels(u32::from(jpeg.width), u32::from(jpeg.height))?;
    if jpeg.coefficient_bytes > MAX_DECODER_BYTES {
        return Err(MediaRefusal::TooManyPixels);
    }
    let bytes = jpeg.end.and_then(|end| bytes.get(..end)).unwrap_or(bytes);
    match decode_scaled(bytes, jpeg) {
        Ok(pixels) => Ok(pixels),
        Err(jpeg_decoder::Error::Io(_)) => Err(MediaRefusal::Incomplete),
        // The other decoder knows more kinds of JPEG and forgives more, but decodes all of it.
        Err(_) if u64::from(jpeg.width) * u64::from(jpeg.height) <= MAX_FULL_PIXELS => {
            decode(bytes, image::ImageFormat::Jpeg)
        }
        Err(_) => Err(MediaRefusal::Damaged),
    }
}

fn decode_scaled(bytes: &[u8], jpeg: &Jpeg) -> Result<DynamicImage, jpeg_decoder::Error> {
    let other = || jpeg_decoder::Error::Format(String::new());
    let longest = u32::from(jpeg.width.max(jpeg.height));
    let wanted = |side: u16| {
        let side = (u32::from(side) * WORKING_SIDE_PIXELS.min(longest)).div_ceil(longest);
        u16::try_from(side).unwrap_or(u16::MAX)
    };
    let mut decoder = jpeg_decoder::Decoder::new(bytes);
    decoder.set_max_decoding_buffer_size(usize::try_from(MAX_DECODER_BYTES).unwrap_or(usize::MAX));
    let (width, height) = decoder.scale(wanted(jpeg.width), wanted(jpeg.height))?;
    let (width, height) = (u32::from(width), u32::from(height));
    let samples = decoder.decode()?;
    let format = decoder.info().ok_or_else(other)?.pixel_format;
    match format {
        PixelFormat::L8 => GrayImage::from_raw(width, height, samples).map(DynamicImage::from),
        PixelFormat::RGB24 => RgbImage::from_raw(width, height, samples).map(DynamicImage::from),
        PixelFormat::CMYK32 => RgbImage::from_raw(width, height, from_cmyk(&samples)).map(DynamicImage::from),
        PixelFormat::L16 => None,
    }
    .ok_or_else(other)
}

fn from_cmyk(samples: &[u8]) -> Vec<u8> {
    let mix = |ink: u8, black: u8| {
        let light = u16::from(255 - ink) * u16::from(255 - black) / 255;
        u8::try_from(light).unwrap_or(u8::MAX)
    };
    let pixels = samples.chunks_exact(4);
    pixels.flat_map(|pixel| [mix(pixel[0], pixel[3]), mix(pixel[1], pixel[3]), mix(pixel[2], pixel[3])]).collect()
}

/// Decodes the first frame of a picture whose size was checked.
pub(crate) fn decode(bytes: &[u8], format: image::ImageFormat) -> Result<DynamicImage, MediaRefusal> {
    let refusal = |error: ImageError| match error {
        ImageError::Limits(_) => MediaRefusal::TooManyPixels,
        ImageError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => MediaRefusal::Incomplete,
        _ => MediaRefusal::Damaged,
    };
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(MAX_IMAGE_SIDE_PIXELS);
    limits.max_image_height = Some(MAX_IMAGE_SIDE_PIXELS);
    limits.max_alloc = Some(MAX_DECODER_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(refusal)?;
    let (width, height) = decoder.dimensions();
    check_pixels(width, height)?;
    if decoder.total_bytes() > MAX_DECODER_BYTES {
        return Err(MediaRefusal::TooManyPixels);
    }
    DynamicImage::from_decoder(decoder).map_err(refusal)
}

/// The picture, or a smaller one where its longest side is longer than this.
pub(crate) fn smaller(pixels: DynamicImage, longest: u32) -> DynamicImage {
    let (width, height) = (pixels.width(), pixels.height());
    let side = width.max(height);
    if side <= longest {
        return pixels;
    }
    let to = |length: u32, longest: u32| {
        let rounded = (u64::from(length) * u64::from(longest) + u64::from(side) / 2) / u64::from(side);
        u32::try_from(rounded).unwrap_or(longest).max(1)
    };
    // Averaging first needs no memory of its own; filtering then has little left to filter.
    let twice = longest * 2;
    let pixels = if side > twice { pixels.thumbnail_exact(to(width, twice), to(height, twice)) } else { pixels };
    pixels.resize_exact(to(width, longest), to(height, longest), FilterType::Triangle)
}

/// Eight bits a colour, and white where it was transparent.
fn flat(pixels: DynamicImage) -> DynamicImage {
    if !pixels.color().has_alpha() {
        return if pixels.color().has_color() { pixels.into_rgb8().into() } else { pixels.into_luma8().into() };
    }
    let pixels = pixels.into_rgba8();
    let mut opaque = RgbImage::new(pixels.width(), pixels.height());
    for (to, from) in opaque.pixels_mut().zip(pixels.pixels()) {
        let [red, green, blue, alpha] = from.0;
        let over_white = |colour: u8| {
            let light = u16::from(colour) * u16::from(alpha) + 255 * u16::from(255 - alpha);
            u8::try_from(light / 255).unwrap_or(u8::MAX)
        };
        to.0 = [red, green, blue].map(over_white);
    }
    opaque.into()
}

fn encode(pixels: &DynamicImage, quality: u8) -> Result<CopyFile, MediaRefusal> {
    let mut bytes = Vec::new();
    let encoded = pixels.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, quality));
    encoded.map_err(|_| MediaRefusal::Damaged)?;
    Ok(CopyFile { content_type: MediaType::Jpeg, bytes })
}

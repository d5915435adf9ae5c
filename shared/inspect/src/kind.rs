//! Which type a file is, by how it begins.

use pingan_domain::media::MediaType;

use crate::{
    bytes::{array, be32},
    movie::Movie,
    voice,
};

/// What a file begins like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sniffed {
    /// A type whose beginning says all.
    Media(MediaType),
    /// Boxes: a video, sound, or a picture.
    Boxes { brand: Brand },
}

/// What a file of boxes calls itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Brand {
    Picture(MediaType),
    QuickTime,
    Sound,
    Other,
    /// A picture of a kind that is not taken.
    Foreign,
}

impl Sniffed {
    pub(crate) fn media_type(self) -> Option<MediaType> {
        match self {
            Self::Media(media_type) | Self::Boxes { brand: Brand::Picture(media_type) } => Some(media_type),
            Self::Boxes { .. } => None,
        }
    }
}

impl Brand {
    /// The type, where the index is known as well. Recorders give sound the brands of video.
    pub(crate) fn media_type(self, movie: Option<&Movie>) -> Option<MediaType> {
        let only_sound = movie.is_some_and(|movie| movie.has_sound && !movie.has_picture);
        let has_picture = movie.is_some_and(|movie| movie.has_picture);
        match self {
            Self::Picture(picture) => Some(picture),
            Self::Foreign => None,
            _ if only_sound => Some(MediaType::M4a),
            Self::QuickTime => Some(MediaType::Mov),
            Self::Sound if !has_picture => Some(MediaType::M4a),
            Self::Sound | Self::Other => Some(MediaType::Mp4),
        }
    }
}

/// What the bytes begin like. The first 4 KiB of a file are enough, except behind a long ID3 tag.
pub(crate) fn sniff(head: &[u8]) -> Option<Sniffed> {
    let media = Sniffed::Media;
    if infer::image::is_jpeg(head) {
        Some(media(MediaType::Jpeg))
    } else if head.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some(media(MediaType::Png))
    } else if head.starts_with(b"RIFF") && infer::image::is_webp(head) {
        Some(media(MediaType::Webp))
    } else if infer::audio::is_wav(head) {
        Some(media(MediaType::Wav))
    } else if infer::audio::is_ogg(head) {
        // Ogg holds anything; what is taken is Opus.
        infer::audio::is_ogg_opus(head).then_some(media(MediaType::Ogg))
    } else if head.starts_with(b"#!AMR\n") || head.starts_with(b"#!AMR-WB\n") {
        Some(media(MediaType::Amr))
    } else if let Some(brand) = brand(head) {
        Some(Sniffed::Boxes { brand })
    } else {
        voice::sniff_frames(head).map(media)
    }
}

fn brand(head: &[u8]) -> Option<Brand> {
    let kind: [u8; 4] = array(head, 4)?;
    let size = be32(head, 0)?;
    match &kind {
        b"ftyp" => {
            let major: [u8; 4] = array(head, 8)?;
            let end = usize::try_from(size).unwrap_or(usize::MAX).min(head.len());
            let mut brands = head.get(16..end).unwrap_or_default().chunks_exact(4);
            Some(match &major {
                b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" => Brand::Picture(MediaType::Heic),
                b"mif1" | b"mif2" | b"msf1" if brands.any(|brand| brand == b"avif" || brand == b"avis") => {
                    Brand::Foreign
                }
                b"mif1" | b"mif2" | b"msf1" => Brand::Picture(MediaType::Heif),
                b"avif" | b"avis" | b"crx " | b"jp2 " | b"jpx " | b"jxl " => Brand::Foreign,
                b"qt  " => Brand::QuickTime,
                b"M4A " | b"M4B " | b"M4P " => Brand::Sound,
                _ => Brand::Other,
            })
        }
        // QuickTime is older than `ftyp`.
        b"moov" | b"mdat" | b"wide" | b"free" | b"skip" | b"pnot" if size != 2 => Some(Brand::QuickTime),
        _ => None,
    }
}

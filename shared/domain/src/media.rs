//! Media: what a phone announces, what the intake finds, and when a report may have it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, FieldError},
    hash::Digest,
    member::MemberId,
    named::named,
    report::{MAX_MEDIA, ReportId},
    task::TaskId,
    text::Text,
};

/// The identifier of a medium.
pub type MediaId = uuid::Uuid;

/// The widest and tallest picture, in pixels.
pub const MAX_IMAGE_SIDE_PIXELS: u32 = 20_000;
/// The most pixels of a picture. The largest that phones make within the limit on bytes have
/// 108 million; what claims more is a decompression bomb.
pub const MAX_IMAGE_PIXELS: u64 = 110_000_000;
/// From this many pixels on, a picture that is packed without loss must have some bytes for
/// them: see [`MAX_PIXELS_PER_BYTE`].
const BOMB_PIXELS: u64 = 16_000_000;
/// The most pixels that one byte of a large PNG or WebP can stand for. A screenshot of one
/// colour has a thousand, and is small; a large one is a decompression bomb. A photograph of
/// that size has bytes enough, also as a WebP that loses something.
const MAX_PIXELS_PER_BYTE: u64 = 100;

/// The longest side of the copy that reviewers see, in pixels.
pub const WORKING_SIDE_PIXELS: u32 = 2_048;
/// The longest side of a thumbnail, in pixels.
pub const THUMBNAIL_SIDE_PIXELS: u32 = 320;

/// How long a slot is kept that no report takes, in hours.
pub const SLOT_HOURS: i64 = 24;

/// From this size on a video is uploaded in parts, so that a broken connection costs one part.
pub const PARTS_FROM_BYTES: u64 = 8 * MIB;
/// The size of each part but the last, in bytes. S3 takes none below 5 MiB, and a part is what
/// a bad connection has to carry in one go.
pub const PART_BYTES: u64 = 5 * MIB;

const MIB: u64 = 1024 * 1024;

named! {
    /// The kinds of media.
    pub enum MediaKind {
        /// 图片.
        Image = "image",
        /// 视频.
        Video = "video",
        /// 语音.
        Voice = "voice",
    }
}

named! {
    /// The types of media that a report can carry: what phones make.
    pub enum MediaType {
        /// A JPEG image.
        Jpeg = "image/jpeg",
        /// A PNG image.
        Png = "image/png",
        /// A WebP image.
        Webp = "image/webp",
        /// An HEIC image: HEVC in HEIF.
        Heic = "image/heic",
        /// An HEIF image.
        Heif = "image/heif",
        /// An MP4 video.
        Mp4 = "video/mp4",
        /// A QuickTime video.
        Mov = "video/quicktime",
        /// AAC in MP4: M4A.
        M4a = "audio/mp4",
        /// AAC as a bare stream: ADTS.
        Aac = "audio/aac",
        /// AMR, narrow or wide band.
        Amr = "audio/amr",
        /// Opus in Ogg.
        Ogg = "audio/ogg",
        /// MP3.
        Mp3 = "audio/mpeg",
        /// WAV.
        Wav = "audio/wav",
    }
}

impl MediaType {
    /// What kind of medium it is.
    pub fn kind(self) -> MediaKind {
        match self {
            Self::Jpeg | Self::Png | Self::Webp | Self::Heic | Self::Heif => MediaKind::Image,
            Self::Mp4 | Self::Mov => MediaKind::Video,
            Self::M4a | Self::Aac | Self::Amr | Self::Ogg | Self::Mp3 | Self::Wav => MediaKind::Voice,
        }
    }

    /// The usual ending of a file of this type, without its dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Heic => "heic",
            Self::Heif => "heif",
            Self::Mp4 => "mp4",
            Self::Mov => "mov",
            Self::M4a => "m4a",
            Self::Aac => "aac",
            Self::Amr => "amr",
            Self::Ogg => "ogg",
            Self::Mp3 => "mp3",
            Self::Wav => "wav",
        }
    }

    /// Whether bytes of this type are what `announced` said. Phones call the same file HEIC
    /// or HEIF, by its brand or by its ending.
    pub fn is(self, announced: Self) -> bool {
        let heif = |media: Self| matches!(media, Self::Heic | Self::Heif);
        self == announced || (heif(self) && heif(announced))
    }
}

/// How much of one kind a report, or one answer, may carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindLimits {
    /// How many.
    pub max_count: u8,
    /// The size of each, in bytes.
    pub max_bytes: u64,
    /// The length of each, in seconds, where it has one and it is limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_seconds: Option<u32>,
}

/// What a deployment lets reports carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MediaLimits {
    /// Pictures.
    pub image: KindLimits,
    /// Videos.
    pub video: KindLimits,
    /// Voice.
    pub voice: KindLimits,
}

impl Default for MediaLimits {
    fn default() -> Self {
        Self {
            image: KindLimits { max_count: 10, max_bytes: 20 * MIB, max_seconds: None },
            video: KindLimits { max_count: 1, max_bytes: 500 * MIB, max_seconds: None },
            voice: KindLimits { max_count: 3, max_bytes: 30 * MIB, max_seconds: Some(600) },
        }
    }
}

impl MediaLimits {
    /// Reads limits from JSON; a kind that is not named keeps its default.
    pub fn parse(json: &str) -> Result<Self, Error> {
        let limits: Self = serde_json::from_str(json).map_err(|error| Error::field("/", error.to_string()))?;
        limits.validate()?;
        Ok(limits)
    }

    /// The limits of a kind.
    pub fn of(&self, kind: MediaKind) -> KindLimits {
        match kind {
            MediaKind::Image => self.image,
            MediaKind::Video => self.video,
            MediaKind::Voice => self.voice,
        }
    }

    /// Limits that the platform can keep: pictures and voice are looked at whole, a video is
    /// uploaded in 10,000 parts at most, and a report carries no more than [`MAX_MEDIA`].
    fn validate(&self) -> Result<(), Error> {
        let mut bad = Vec::new();
        for (pointer, limits, most) in
            [("/image", self.image, 32 * MIB), ("/video", self.video, 4096 * MIB), ("/voice", self.voice, 64 * MIB)]
        {
            if !(1..=most).contains(&limits.max_bytes) {
                bad.push(FieldError::new(format!("{pointer}/max_bytes"), format!("must be from 1 to {most}")));
            }
            if limits.max_seconds == Some(0) {
                bad.push(FieldError::new(format!("{pointer}/max_seconds"), "must be at least 1"));
            }
        }
        let counts = [self.image, self.video, self.voice].map(|limits| usize::from(limits.max_count));
        if counts.iter().sum::<usize>() > MAX_MEDIA {
            bad.push(FieldError::new("/", format!("the counts are more than {MAX_MEDIA} together")));
        }
        if bad.is_empty() { Ok(()) } else { Err(Error::Invalid(bad)) }
    }
}

/// What a phone announces before it uploads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    /// The type that the bytes will be checked against.
    pub content_type: MediaType,
    /// The exact size in bytes.
    pub size_bytes: u64,
    /// The SHA-256 of the bytes.
    pub sha256: Digest,
}

impl Announced {
    /// Checks the limits. `kind` is what the phone calls it, where it says so.
    pub fn validate(&self, kind: Option<MediaKind>, limits: &MediaLimits) -> Result<(), Error> {
        let mut bad = Vec::new();
        let real = self.content_type.kind();
        if kind.is_some_and(|kind| kind != real) {
            bad.push(FieldError::new("/kind", format!("is {real} with this content type")));
        }
        let most = limits.of(real);
        if most.max_count == 0 {
            bad.push(FieldError::new("/content_type", format!("is {real}, which is not taken here")));
        } else if !(1..=most.max_bytes).contains(&self.size_bytes) {
            bad.push(FieldError::new("/size_bytes", format!("must be from 1 to {}", most.max_bytes)));
        }
        if bad.is_empty() { Ok(()) } else { Err(Error::Invalid(bad)) }
    }

    /// The parts in which it is uploaded, or none when it goes up in one request.
    pub fn parts(&self) -> Option<Parts> {
        let in_parts = self.content_type.kind() == MediaKind::Video && self.size_bytes >= PARTS_FROM_BYTES;
        in_parts.then_some(Parts { size_bytes: self.size_bytes })
    }
}

/// The parts of an upload, numbered from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    size_bytes: u64,
}

impl Parts {
    /// How many there are.
    pub fn count(self) -> u32 {
        u32::try_from(self.size_bytes.div_ceil(PART_BYTES)).unwrap_or(u32::MAX)
    }

    /// Where a part begins and how long it is, in bytes; none for a number there is not.
    pub fn range(self, number: u32) -> Option<(u64, u64)> {
        let offset = u64::from(number.checked_sub(1)?) * PART_BYTES;
        let left = self.size_bytes.checked_sub(offset).filter(|&left| left > 0)?;
        Some((offset, left.min(PART_BYTES)))
    }
}

named! {
    /// Why an uploaded object was refused.
    pub enum MediaRefusal {
        /// Its bytes are of another type than announced, or of none that is taken.
        WrongType = "wrong_type",
        /// It has another size than announced.
        WrongSize = "wrong_size",
        /// Its SHA-256 is another than announced.
        WrongHash = "wrong_hash",
        /// It cannot be read.
        Damaged = "damaged",
        /// It breaks off: the end, or the index without which nothing plays, is missing.
        Incomplete = "incomplete",
        /// It is also a document, a web page, a program or an archive.
        Polyglot = "polyglot",
        /// It is larger than any camera's picture.
        TooManyPixels = "too_many_pixels",
        /// It is longer than may be.
        TooLong = "too_long",
        /// The malware scan found something.
        Malware = "malware",
        /// The malware scan could not judge it, and what is not judged is not taken.
        Unscannable = "unscannable",
    }
}

impl MediaRefusal {
    /// What the reporter is told, and what to do about it.
    pub fn text(self) -> Text {
        match self {
            Self::WrongType => Text::new(
                "文件的实际类型与声明的不符，或不是可接收的类型。请用手机相机或录音机重新录制。",
                "The file is of another type than announced, or of none that is taken. Please record it again with the phone's camera or recorder.",
            ),
            Self::WrongSize => Text::new(
                "收到的文件大小与声明的不符。请重新上传。",
                "The file has another size than announced. Please upload it again.",
            ),
            Self::WrongHash => Text::new(
                "收到的文件与手机上的不一致。请重新上传。",
                "The file that arrived is not the one on the phone. Please upload it again.",
            ),
            Self::Damaged => Text::new(
                "文件已损坏，无法读取。请重新拍摄或录制。",
                "The file is damaged and cannot be read. Please record it again.",
            ),
            Self::Incomplete => Text::new(
                "文件不完整，录制或保存时可能中断。请重新拍摄或录制。",
                "The file is incomplete: recording or saving it was interrupted. Please record it again.",
            ),
            Self::Polyglot => Text::new(
                "文件中夹带了其他内容（文档、网页、程序或压缩包）。请发送原始照片或录音录像。",
                "The file carries something else: a document, a web page, a program or an archive. Please send the original recording.",
            ),
            Self::TooManyPixels => Text::new(
                "图片尺寸过大。请用较低的分辨率重新拍摄。",
                "The picture is too large. Please take it again at a lower resolution.",
            ),
            Self::TooLong => {
                Text::new("录制时间过长。请分段发送。", "The recording is too long. Please send it in pieces.")
            }
            Self::Malware => Text::new(
                "安全检查在文件中发现恶意程序，文件已删除。",
                "The security check found malware in the file. It was deleted.",
            ),
            Self::Unscannable => Text::new(
                "安全检查无法判断该文件，因此未接收。请重新拍摄或录制。",
                "The security check could not judge the file, so it was not taken. Please record it again.",
            ),
        }
    }
}

/// A copy that was made of a medium, without what the original tells about its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyOf {
    /// Its type.
    pub content_type: MediaType,
    /// Its size in bytes.
    pub size_bytes: u64,
}

/// What the intake found out about a medium, and made of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// Pixels from left to right, as it is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width_pixels: Option<u32>,
    /// Pixels from top to bottom, as it is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height_pixels: Option<u32>,
    /// How long it plays, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// The clean copy that reviewers are shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working: Option<CopyOf>,
    /// A small picture of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<CopyOf>,
    /// When it was checked.
    pub checked_at: Timestamp,
}

/// What has become of a medium.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum MediaState {
    /// Announced; not yet uploaded, or not yet checked.
    Pending,
    /// Checked: it is what it claims to be.
    Ready(Checked),
    /// Checked and refused; it will never be attached.
    Refused {
        /// Why.
        reason: MediaRefusal,
    },
}

/// The record of a medium: a slot until it is uploaded and checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// Its identifier, also part of its objects' keys.
    pub id: MediaId,
    /// Whose it is. Only its owner can attach it.
    pub owner: MemberId,
    /// What was announced.
    pub announced: Announced,
    /// What has become of it.
    pub state: MediaState,
    /// When it was announced.
    pub created_at: Timestamp,
    /// The upload in parts, as S3 calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multipart: Option<String>,
    /// The report it belongs to, once attached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<ReportId>,
    /// The task whose answer it belongs to, once attached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskId>,
}

/// A medium as a report refers to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaRef {
    /// Its identifier.
    pub id: MediaId,
    /// Its checked type.
    pub content_type: MediaType,
    /// Its checked size in bytes.
    pub size_bytes: u64,
    /// The SHA-256 of the original.
    pub sha256: Digest,
    /// What the intake found out and made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked: Option<Checked>,
}

named! {
    /// What can be opened of a medium of a report.
    pub enum Rendition {
        /// The clean copy.
        Working = "working",
        /// A small picture of it.
        Thumbnail = "thumbnail",
        /// What the phone sent, untouched. Sealed: the district opens it, with a reason.
        Original = "original",
    }
}

impl Media {
    /// Whether a report or an answer has taken it.
    pub fn is_taken(&self) -> bool {
        self.report.is_some() || self.task.is_some()
    }

    /// What a report or an answer refers to; none until it was found to be what it claims to be.
    pub fn reference(&self) -> Option<MediaRef> {
        let MediaState::Ready(checked) = &self.state else { return None };
        Some(MediaRef {
            id: self.id,
            content_type: self.announced.content_type,
            size_bytes: self.announced.size_bytes,
            sha256: self.announced.sha256,
            checked: Some(checked.clone()),
        })
    }

    /// The moment at which the slot ends, unless a report takes it.
    pub fn ends_at(&self) -> Timestamp {
        self.created_at.checked_add(jiff::SignedDuration::from_hours(SLOT_HOURS)).unwrap_or(self.created_at)
    }

    /// The key of the uploaded object in the media bucket. No key names anybody.
    pub fn upload_key(id: MediaId) -> String {
        format!("uploads/{id}")
    }

    /// The medium that an uploaded object's key belongs to.
    pub fn id_of_upload_key(key: &str) -> Option<MediaId> {
        key.strip_prefix("uploads/")?.parse().ok()
    }

    /// The key of the sealed original: under its own hash, so that nothing else can stand there.
    pub fn original_key(id: MediaId, sha256: Digest) -> String {
        format!("{}{sha256}", Self::originals_prefix(id))
    }

    /// What the keys of a medium's originals begin with.
    pub fn originals_prefix(id: MediaId) -> String {
        format!("originals/{id}/")
    }

    /// The key of the clean copy.
    pub fn working_key(id: MediaId) -> String {
        format!("copies/{id}/working")
    }

    /// The key of the thumbnail.
    pub fn thumbnail_key(id: MediaId) -> String {
        format!("copies/{id}/thumbnail")
    }
}

impl MediaRef {
    /// The key and the type of one rendition; none when there is no such rendition.
    pub fn rendition(&self, rendition: Rendition) -> Option<(String, CopyOf)> {
        let checked = self.checked.as_ref();
        match rendition {
            Rendition::Working => Some((Media::working_key(self.id), checked?.working?)),
            Rendition::Thumbnail => Some((Media::thumbnail_key(self.id), checked?.thumbnail?)),
            Rendition::Original => Some((
                Media::original_key(self.id, self.sha256),
                CopyOf { content_type: self.content_type, size_bytes: self.size_bytes },
            )),
        }
    }
}

/// That the objects of a medium were deleted with its report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// The medium.
    pub media: MediaId,
    /// When all of its objects were gone.
    pub at: Timestamp,
}

/// What the bytes of an upload say of themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// Their type, if it is one that is taken.
    pub content_type: Option<MediaType>,
    /// Pixels from left to right, as it is shown.
    pub width_pixels: Option<u32>,
    /// Pixels from top to bottom, as it is shown.
    pub height_pixels: Option<u32>,
    /// How long it plays, in milliseconds.
    pub duration_ms: Option<u64>,
    /// What is wrong with them beyond their type.
    pub flaw: Option<MediaRefusal>,
}

/// What the intake read of an uploaded object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Its SHA-256.
    pub sha256: Digest,
    /// What its bytes say.
    pub seen: Seen,
}

/// Refuses what shows nothing, or is larger than any camera's picture.
pub fn check_pixels(width: u32, height: u32) -> Result<(), MediaRefusal> {
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 {
        Err(MediaRefusal::Damaged)
    } else if width.max(height) > MAX_IMAGE_SIDE_PIXELS || pixels > MAX_IMAGE_PIXELS {
        Err(MediaRefusal::TooManyPixels)
    } else {
        Ok(())
    }
}

/// Judges an uploaded object by what was announced. The first mismatch names the reason.
pub fn judge(announced: &Announced, found: &Found, limits: &MediaLimits) -> Result<(), MediaRefusal> {
    let seen = &found.seen;
    if found.size_bytes != announced.size_bytes {
        return Err(MediaRefusal::WrongSize);
    }
    if found.sha256 != announced.sha256 {
        return Err(MediaRefusal::WrongHash);
    }
    if !seen.content_type.is_some_and(|real| real.is(announced.content_type)) {
        return Err(MediaRefusal::WrongType);
    }
    if let Some(flaw) = seen.flaw {
        return Err(flaw);
    }
    let kind = announced.content_type.kind();
    let (width, height) = (seen.width_pixels.unwrap_or(0), seen.height_pixels.unwrap_or(0));
    if kind != MediaKind::Voice {
        check_pixels(width, height)?;
    }
    let pixels = u64::from(width) * u64::from(height);
    let lossless = matches!(announced.content_type, MediaType::Png | MediaType::Webp);
    let bomb = lossless && pixels > BOMB_PIXELS && pixels / found.size_bytes.max(1) > MAX_PIXELS_PER_BYTE;
    if bomb {
        return Err(MediaRefusal::TooManyPixels);
    }
    if kind != MediaKind::Image {
        match (seen.duration_ms, limits.of(kind).max_seconds) {
            (None | Some(0), _) => return Err(MediaRefusal::Damaged),
            // Recorders stop a moment late.
            (Some(ms), Some(most)) if ms > u64::from(most) * 1_000 + 1_000 => return Err(MediaRefusal::TooLong),
            _ => {}
        }
    }
    Ok(())
}

/// The media that a reporter wants to attach, as references, or every reason why not.
///
/// `found` has the record of each id of `wanted`, in the same order, where there is one.
/// A medium that someone else announced is answered as if it did not exist.
pub fn attach(
    wanted: &[MediaId],
    found: &[Option<Media>],
    owner: &MemberId,
    limits: &MediaLimits,
) -> Result<Vec<MediaRef>, Error> {
    let mut refs: Vec<MediaRef> = Vec::with_capacity(wanted.len());
    let mut bad = Vec::new();
    let mut pending = None;
    let mut counts = [0_u8; 3];
    for (index, id) in wanted.iter().enumerate() {
        let mut refuse = |detail: String| bad.push(FieldError::new(format!("/media/{index}"), detail));
        let media = found.get(index).and_then(Option::as_ref).filter(|media| &media.owner == owner);
        let Some(media) = media else {
            refuse("is no medium of yours".to_owned());
            continue;
        };
        if wanted.iter().take(index).any(|earlier| earlier == id) {
            refuse("is named twice".to_owned());
            continue;
        }
        if media.is_taken() {
            refuse("is already attached to a report or an answer".to_owned());
            continue;
        }
        let kind = media.announced.content_type.kind();
        let count = &mut counts[kind as usize];
        *count = count.saturating_add(1);
        let most = limits.of(kind).max_count;
        if *count > most {
            refuse(format!("is {kind} number {count}, and at most {most} can be carried at once"));
            continue;
        }
        match &media.state {
            MediaState::Ready(_) => refs.extend(media.reference()),
            MediaState::Refused { reason } => refuse(format!("was refused: {reason}")),
            MediaState::Pending => pending = pending.or(Some(*id)),
        }
    }
    // What can never succeed is said before what only needs patience.
    if !bad.is_empty() {
        return Err(Error::Invalid(bad));
    }
    match pending {
        Some(id) => Err(Error::MediaPending(id)),
        None => Ok(refs),
    }
}

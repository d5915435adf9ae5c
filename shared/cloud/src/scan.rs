//! The malware scan: whose verdict an upload waits for. What is not judged is not taken.

#[cfg(feature = "clamd")]
use std::path::PathBuf;

use pingan_domain::{error::Error, media::MediaId};

use crate::MediaStore;

/// The tag in which GuardDuty Malware Protection for S3 leaves its verdict on an object.
/// <https://docs.aws.amazon.com/guardduty/latest/ug/monitoring-malware-protection-s3-scans-gdu.html>
const TAG: &str = "GuardDutyMalwareScanStatus";

/// Who scans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scanner {
    /// Nobody. Somebody has said so in as many words.
    Off,
    /// A scanner of the account that tags objects as GuardDuty does.
    Tags,
    /// A ClamAV daemon behind this socket.
    #[cfg(feature = "clamd")]
    Clamd(PathBuf),
}

/// What the scan says of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing was found.
    Clean,
    /// Malware was found.
    Infected,
    /// The scanner has looked and could not judge.
    Unjudged,
    /// The scanner has not said anything yet. Its word will come as an event of its own.
    Waiting,
}

impl Scanner {
    /// The scanner of a setting: `off`, `tags`, or on one machine `clamd:<path of the socket>`.
    /// There is no default: nobody is to forget the scan.
    pub fn parse(setting: &str) -> Result<Self, Error> {
        match setting {
            "off" => Ok(Self::Off),
            "tags" => Ok(Self::Tags),
            #[cfg(feature = "clamd")]
            setting if setting.starts_with("clamd:/") => Ok(Self::Clamd(PathBuf::from(&setting["clamd:".len()..]))),
            _ => Err(Error::field("MALWARE_SCAN", "is none of: off, tags")),
        }
    }

    /// What this scanner says of the upload of a medium. A scanner that cannot be reached is
    /// an error, so that the upload is looked at again later.
    pub async fn verdict(&self, media: &MediaStore, id: MediaId) -> Result<Verdict, Error> {
        match self {
            Self::Off => Ok(Verdict::Clean),
            Self::Tags => Ok(of_tag(media.tag_of_upload(id, TAG).await?.as_deref())),
            #[cfg(feature = "clamd")]
            Self::Clamd(socket) => clamd::verdict(socket, media, id).await,
        }
    }
}

fn of_tag(status: Option<&str>) -> Verdict {
    match status {
        None => Verdict::Waiting,
        Some("NO_THREATS_FOUND") => Verdict::Clean,
        Some("THREATS_FOUND") => Verdict::Infected,
        // UNSUPPORTED, ACCESS_DENIED, FAILED, and whatever else there may come to be.
        Some(_) => Verdict::Unjudged,
    }
}

#[cfg(feature = "clamd")]
mod clamd {
    use std::{io, path::Path, time::Duration};

    use clamav_client::tokio::{Socket, scan_stream};
    use futures::stream;

    use super::{Error, MediaId, MediaStore, Verdict};

    /// How long the daemon may take over one upload.
    const PATIENCE: Duration = Duration::from_mins(5);

    pub(super) async fn verdict(socket: &Path, media: &MediaStore, id: MediaId) -> Result<Verdict, Error> {
        let Some(upload) = media.read_upload(id, None).await? else { return Ok(Verdict::Waiting) };
        let pieces = stream::try_unfold(upload, async |mut upload| {
            let piece = upload.next().await.map_err(|error| io::Error::other(error.to_string()))?;
            Ok(piece.map(|piece| (piece.as_ref().to_vec().into(), upload)))
        });
        // A daemon that is not there, or that hangs up because the upload is longer than its
        // `StreamMaxLength`, has not said that the upload is clean.
        let asked = scan_stream(pieces, Socket { socket_path: socket }, None);
        let said = tokio::time::timeout(PATIENCE, asked).await.map_err(io::Error::from).flatten().map_err(|error| {
            tracing::warn!(scan.error = %error, "the malware scan did not answer; the upload waits");
            Error::Busy { retry_after_seconds: 5 }
        })?;
        Ok(of_answer(&said))
    }

    pub(super) fn of_answer(said: &[u8]) -> Verdict {
        let said = String::from_utf8_lossy(said);
        match said.trim_matches(['\0', '\n', ' ']) {
            "stream: OK" => Verdict::Clean,
            said if said.starts_with("stream: ") && said.ends_with(" FOUND") => Verdict::Infected,
            _ => Verdict::Unjudged,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_verdict_of_clean_is_clean() {
        for (status, verdict) in [
            (None, Verdict::Waiting),
            (Some("NO_THREATS_FOUND"), Verdict::Clean),
            (Some("THREATS_FOUND"), Verdict::Infected),
            (Some("UNSUPPORTED"), Verdict::Unjudged),
            (Some("ACCESS_DENIED"), Verdict::Unjudged),
            (Some("FAILED"), Verdict::Unjudged),
            (Some(""), Verdict::Unjudged),
            (Some("no_threats_found"), Verdict::Unjudged),
        ] {
            assert_eq!(of_tag(status), verdict, "{status:?}");
        }
    }

    #[test]
    fn a_setting_is_one_of_few() {
        assert_eq!(Scanner::parse("off"), Ok(Scanner::Off));
        assert_eq!(Scanner::parse("tags"), Ok(Scanner::Tags));
        for other in ["", "none", "OFF", "clamd", "clamd:", "clamd:relative"] {
            assert!(Scanner::parse(other).is_err(), "{other:?}");
        }
    }

    #[cfg(feature = "clamd")]
    #[test]
    fn the_words_of_the_daemon_are_understood_and_no_others() {
        for (said, verdict) in [
            ("stream: OK\0", Verdict::Clean),
            ("stream: OK\n", Verdict::Clean),
            ("stream: Eicar-Test-Signature FOUND\0", Verdict::Infected),
            ("stream: OK FOUND\0", Verdict::Infected),
            ("INSTREAM size limit exceeded. ERROR\0", Verdict::Unjudged),
            ("stream: Can't allocate memory ERROR\0", Verdict::Unjudged),
            ("OK", Verdict::Unjudged),
            ("", Verdict::Unjudged),
        ] {
            assert_eq!(clamd::of_answer(said.as_bytes()), verdict, "{said:?}");
        }
        assert_eq!(Scanner::parse("clamd:/run/clamd.sock"), Ok(Scanner::Clamd("/run/clamd.sock".into())));
    }
}

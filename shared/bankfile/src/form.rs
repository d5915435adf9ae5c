//! What both files have in common: the last line with its checksum, and amounts.

use csv::{StringRecord, Terminator};
use pingan_domain::{error::Error, hash::Digest, payout_answer::Fault};

pub(crate) use pingan_domain::sheet::{guarded, unguarded, yuan};

/// The largest file, in bytes.
pub const MAX_BYTES: usize = 512 * 1024;
/// How the last line begins.
pub(crate) const TOTAL: &str = "total";

/// The lines of a file that was not changed on its way.
pub(crate) struct Sheet {
    /// The lines between the first and the last, each with its number in the file.
    pub(crate) rows: Vec<(u64, StringRecord)>,
    /// The last line.
    pub(crate) total: (u64, StringRecord),
    /// The SHA-256 of the whole file.
    pub(crate) file: Digest,
}

/// Writes a file. `total` makes the last line of the checksum.
pub(crate) fn write<const N: usize>(
    columns: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
    total: impl FnOnce(String) -> [String; N],
) -> Result<Vec<u8>, Error> {
    let fault = |error: &dyn std::fmt::Display| Error::Internal(error.to_string());
    let writer = |into: Vec<u8>| csv::WriterBuilder::new().terminator(Terminator::CRLF).from_writer(into);
    let mut body = writer(Vec::new());
    body.write_record(columns).map_err(|error| fault(&error))?;
    for row in rows {
        body.write_record(row).map_err(|error| fault(&error))?;
    }
    let body = body.into_inner().map_err(|error| fault(&error))?;
    let digest = Digest::of_file(&body);
    let mut whole = writer(body);
    whole.write_record(total(digest.to_string())).map_err(|error| fault(&error))?;
    whole.into_inner().map_err(|error| fault(&error))
}

/// Reads a file whose last line has its checksum in the last column.
pub(crate) fn read<const N: usize>(bytes: &[u8], columns: [&str; N]) -> Result<Sheet, Fault> {
    if bytes.len() > MAX_BYTES {
        return Err(Fault::of_file(format!("the file is larger than {MAX_BYTES} bytes")));
    }
    let line_of = |at: usize| {
        let ends = bytes.iter().take(at).filter(|byte| **byte == b'\n').count();
        u64::try_from(ends + 1).unwrap_or(u64::MAX)
    };
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Fault::at(line_of(error.valid_up_to()), "is not in UTF-8: save the file as it came"))?;
    if text.ends_with('\n') && !text.ends_with("\r\n") {
        return Err(Fault::at(1, "does not end with CR LF: save the file as it came"));
    }
    let cut_off = || {
        let end = bytes.len().saturating_sub(usize::from(bytes.ends_with(b"\n")));
        let why = "the file was cut off, or something was added: its last line begins with";
        Fault::at(line_of(end), format!("{why} {TOTAL}"))
    };
    // What is left of the last line when its own end is taken away.
    let last = text.strip_suffix("\r\n").ok_or_else(cut_off)?;
    let start = last.rfind('\n').map(|at| at + 1).ok_or_else(cut_off)?;
    let (body, last) = (text.get(..start).unwrap_or_default(), last.get(start..).unwrap_or_default());
    let line = line_of(start);
    let total = rows(last).pop().map(|(_, total)| total).filter(|total| total.get(0) == Some(TOTAL));
    let total = total.ok_or_else(cut_off)?;
    let stated = total.get(N - 1).filter(|_| total.len() == N).and_then(Digest::parse);
    let stated =
        stated.ok_or_else(|| Fault::at(line, format!("has not the {N} fields of a last line with a checksum")))?;
    if stated != Digest::of_file(body.as_bytes()) {
        return Err(Fault::at(line, "has another checksum than the lines before it: the file was changed on its way"));
    }
    let header = columns.join(",");
    let body = body.strip_prefix(&header).and_then(|rest| rest.strip_prefix("\r\n"));
    let body = body.ok_or_else(|| Fault::at(1, format!("is not the line {header}")))?;
    // The header is the first line.
    let rows: Vec<_> = rows(body).into_iter().map(|(line, row)| (line + 1, row)).collect();
    if let Some((line, row)) = rows.iter().find(|(_, row)| row.len() != N) {
        return Err(Fault::at(*line, format!("has {} fields, and not {N}", row.len())));
    }
    Ok(Sheet { rows, total: (line, total), file: Digest::of_file(bytes) })
}

/// The records of a text, each with the line that it begins on. The text is UTF-8 and its lines may
/// have any number of fields, so that the reader cannot fail on it.
fn rows(text: &str) -> Vec<(u64, StringRecord)> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let (mut line, mut counted) = (1_u64, 0);
    let numbered = reader.records().filter_map(Result::ok).map(|record| {
        // The reader's own count of lines goes wrong with CR LF: a record begins for it between the two.
        let begins = record.position().and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or_default();
        let rest = text.get(begins..).unwrap_or_default();
        let begins = begins + (rest.len() - rest.trim_start_matches(['\r', '\n']).len());
        let ends = text.get(counted..begins).unwrap_or_default().matches('\n').count();
        line += u64::try_from(ends).unwrap_or_default();
        counted = begins;
        (line, record)
    });
    numbered.collect()
}

/// The amount in fen, when it is written as [`yuan`] writes it and in no other way.
pub(crate) fn fen(yuan_text: &str) -> Option<u64> {
    let (whole, decimals) = yuan_text.split_once('.')?;
    let fen = whole.parse::<u64>().ok()?.checked_mul(100)?.checked_add(decimals.parse().ok()?)?;
    Some(fen).filter(|fen| yuan(*fen) == yuan_text)
}

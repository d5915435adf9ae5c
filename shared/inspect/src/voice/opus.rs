//! Opus in Ogg.

use std::io::Cursor;

use ogg::{PacketReader, PacketWriteEndInfo, PacketWriter};
use pingan_domain::media::MediaRefusal;

use super::Heard;
use crate::bytes::{array, le16};

/// Opus always counts in this rate, whatever it was recorded at.
const SAMPLES_PER_SECOND: u64 = 48_000;
/// The number that a copy's stream has.
const SERIAL: u32 = 1;
/// A page on which no packet ends has this position.
const NO_POSITION: u64 = u64::MAX;
/// The most bytes of one packet: 255 frames of 1275 bytes are far more than the format allows.
const MAX_PACKET_BYTES: usize = 1024 * 1024;

/// Walks over the pages of the first stream.
pub(super) fn hear(bytes: &[u8]) -> Heard {
    let mut position = 0;
    let flaw = walk(bytes, &mut position).err();
    let skipped = u64::from(le16(bytes, 28 + 10).unwrap_or(0));
    Heard::new(position.saturating_sub(skipped), SAMPLES_PER_SECOND, flaw)
}

fn walk(bytes: &[u8], position: &mut u64) -> Result<(), MediaRefusal> {
    let serial: [u8; 4] = array(bytes, 14).ok_or(MediaRefusal::Incomplete)?;
    let mut at = 0;
    while at < bytes.len() {
        let header: [u8; 27] = array(bytes, at).ok_or(MediaRefusal::Incomplete)?;
        if !header.starts_with(b"OggS\0") {
            return Err(MediaRefusal::Damaged);
        }
        let lacing = bytes.get(at + 27..at + 27 + usize::from(header[26])).ok_or(MediaRefusal::Incomplete)?;
        let body: usize = lacing.iter().map(|&length| usize::from(length)).sum();
        let end = at + 27 + lacing.len() + body;
        if end > bytes.len() {
            return Err(MediaRefusal::Incomplete);
        }
        if array(&header, 14) == Some(serial) {
            let here = array(&header, 6).map_or(NO_POSITION, u64::from_le_bytes);
            if here != NO_POSITION {
                *position = here.max(*position);
            }
            // What follows the end of the stream is another one.
            if header[5] & 4 != 0 {
                return Ok(());
            }
        }
        at = end;
    }
    Ok(())
}

pub(super) fn clean(bytes: &[u8]) -> Result<Vec<u8>, MediaRefusal> {
    let mut reader = PacketReader::new(Cursor::new(bytes));
    let mut writer = PacketWriter::new(Vec::with_capacity(bytes.len()));
    let mut serial = None;
    let mut number = 0_u64;
    let mut ended = false;
    let mut last = None;
    let write = |writer: &mut PacketWriter<'_, Vec<u8>>, packet: Vec<u8>, end, position| {
        writer.write_packet(packet, SERIAL, end, position).map_err(|_| MediaRefusal::Damaged)
    };
    while let Some(packet) = reader.read_packet().map_err(|_| MediaRefusal::Damaged)? {
        let stream = *serial.get_or_insert(packet.stream_serial());
        if packet.stream_serial() != stream {
            continue;
        }
        if packet.data.len() > MAX_PACKET_BYTES {
            return Err(MediaRefusal::Damaged);
        }
        match number {
            0 => {
                let head = identification(&packet.data).ok_or(MediaRefusal::Damaged)?;
                write(&mut writer, head.to_vec(), PacketWriteEndInfo::EndPage, 0)?;
            }
            // The comments: who encoded it, and whatever else somebody wrote. Here: nothing.
            1 => write(&mut writer, b"OpusTags\0\0\0\0\0\0\0\0".to_vec(), PacketWriteEndInfo::EndPage, 0)?,
            _ => {
                let end = if packet.last_in_stream() {
                    ended = true;
                    PacketWriteEndInfo::EndStream
                } else if packet.last_in_page() {
                    PacketWriteEndInfo::EndPage
                } else {
                    PacketWriteEndInfo::NormalPacket
                };
                let position = packet.absgp_page();
                // One packet is held back, so that the last one can be told from the others.
                if let Some((data, end, position)) = last.replace((packet.data, end, position)) {
                    write(&mut writer, data, end, position)?;
                }
            }
        }
        number += 1;
        if ended {
            break;
        }
    }
    let (data, _, position) = last.ok_or(MediaRefusal::Damaged)?;
    write(&mut writer, data, PacketWriteEndInfo::EndStream, position)?;
    Ok(writer.into_inner())
}

/// The identification header, as long as it is by its own numbers.
fn identification(packet: &[u8]) -> Option<&[u8]> {
    let channels = usize::from(*packet.get(9)?);
    let length = match packet.get(18)? {
        0 => 19,
        _ => 21 + channels,
    };
    packet.get(..length).filter(|packet| packet.starts_with(b"OpusHead") && channels > 0)
}

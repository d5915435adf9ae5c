"""The files of the corpus that no camera writes, and the tags that no tool writes."""

import io
import struct
import sys
import zipfile
import zlib
from pathlib import Path

OUT, TMP = Path(sys.argv[1]), Path(sys.argv[2])
PLACE = b"PLANTED-LOCATION 31.2304,121.4737"


def read(name):
    return (OUT / name).read_bytes()


def write(name, data):
    (OUT / name).write_bytes(data)


def box(kind, *bodies):
    body = b"".join(bodies)
    return struct.pack(">I", len(body) + 8) + kind + body


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def segment(marker, body):
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def find_box(data, path, at=0, end=None):
    """Where the box at the end of the path begins, and where it ends."""
    end = len(data) if end is None else end
    while at + 8 <= end:
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        if kind == path[0]:
            return (at, at + size) if len(path) == 1 else find_box(data, path[1:], at + 8, at + size)
        at += size
    raise KeyError(path)


# Voice with tags that ffmpeg does not write.
def frame(name, body):
    return name + struct.pack(">I", len(body)) + b"\0\0" + body


mp3 = (TMP / "voice.mp3").read_bytes()
size = sum(byte << shift for byte, shift in zip(mp3[6:10], (21, 14, 7, 0)))
frames = frame(b"APIC", b"\0image/jpeg\0\3\0" + read("orientation-1.jpg")[:3000])
frames += frame(b"GEOB", b"\0text/plain\0" + b"place\0\0" + PLACE) + frame(b"COMM", b"\0eng\0" + PLACE)
length = bytes(len(frames) >> shift & 0x7F for shift in (21, 14, 7, 0))
write("voice.mp3", b"ID3\3\0\0" + length + frames + mp3[10 + size :])

wav = (TMP / "voice.wav").read_bytes()
id3 = b"ID3\3\0\0" + bytes([0, 0, 0, len(PLACE) + 15]) + frame(b"COMM", b"\0eng\0" + PLACE)
extra = b"id3 " + struct.pack("<I", len(id3)) + id3 + b"\0" * (len(id3) % 2)
body = wav[8:] + extra
write("voice.wav", b"RIFF" + struct.pack("<I", len(body)) + body)
plain = (TMP / "8.wav").read_bytes()
data = plain.index(b"data")
for name, lie in (("wav-streamed.wav", 0xFFFFFFFF), ("wav-zero.wav", 0)):
    write(name, plain[: data + 4] + struct.pack("<I", lie) + plain[data + 8 : data + 8008])

# HEIC in tiles, turned by the container, with an EXIF that says so a second time.
def full(kind, *bodies):
    return box(kind, b"\0\0\0\0", *bodies)


def coded(name):
    """The configuration and the data of a file with one picture."""
    file = (TMP / name).read_bytes()
    start, stop = find_box(file[file.index(b"hvcC") - 4 :], [b"hvcC"])
    config = file[file.index(b"hvcC") - 4 :][start:stop]
    at, end = find_box(file, [b"mdat"])
    return config, file[at + 8 : end]


def heic(tiles, size, turn, name):
    exif = b"\0\0\0\6Exif\0\0" + b"MM\0*\0\0\0\x08\0\2\x01\x12\0\3\0\0\0\1\0\6\0\0"
    exif += b"\x01\x0e\0\2" + struct.pack(">II", len(PLACE) + 1, 38) + b"\0\0\0\0" + PLACE + b"\0"
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>http://ns.adobe.com/xap/1.0/ " + PLACE + b"</x:xmpmeta>"
    grid = b"\0\0\1\1" + struct.pack(">HH", *size)
    count = len(tiles)
    items = [(b"hvc1", data) for _, data in tiles] + [(b"grid", grid), (b"Exif", exif), (b"mime", xmp)]
    infos = b""
    for number, (kind, _) in enumerate(items, 1):
        extra = b"\0application/rdf+xml\0" if kind == b"mime" else b"\0"
        infos += box(b"infe", struct.pack(">IHH", 2 << 24, number, 0) + kind + extra)
    refs = box(b"dimg", struct.pack(">HH", count + 1, count) + b"".join(struct.pack(">H", n) for n in range(1, count + 1)))
    refs += box(b"cdsc", struct.pack(">HHH", count + 2, 1, count + 1)) + box(b"cdsc", struct.pack(">HHH", count + 3, 1, count + 1))
    properties = [config for config, _ in tiles]
    properties += [full(b"ispe", struct.pack(">II", 128, 128)), full(b"ispe", struct.pack(">II", *size)), box(b"irot", bytes([turn]))]
    owned = b"".join(struct.pack(">HBBB", n, 2, 0x80 | n, count + 1) for n in range(1, count + 1))
    owned += struct.pack(">HBBB", count + 1, 2, count + 2, 0x80 | (count + 3))
    iprp = box(b"iprp", box(b"ipco", *properties) + full(b"ipma", struct.pack(">I", count + 1) + owned))

    def meta(base):
        places, at = b"", base
        for number, (_, data) in enumerate(items, 1):
            places += struct.pack(">HHHII", number, 0, 1, at, len(data))
            at += len(data)
        iloc = full(b"iloc", b"\x44\0" + struct.pack(">H", len(items)) + places)
        handler = full(b"hdlr", b"\0\0\0\0pict" + b"\0" * 12 + PLACE + b"\0")
        entries = full(b"iinf", struct.pack(">H", len(items)) + infos)
        return full(b"meta", handler, full(b"pitm", struct.pack(">H", count + 1)), iloc, entries, full(b"iref", refs), iprp)

    start = box(b"ftyp", b"heic\0\0\0\0mif1heic")
    base = len(start) + len(meta(0)) + 8
    write(name, start + meta(base) + box(b"mdat", *[data for _, data in items]) + box(b"uuid", b"\0" * 16, PLACE))


tiles = [coded(f"tile-{number}.heic") for number in range(4)]
heic(tiles, (160, 240), 1, "tiles.heic")
# The decoder does not know pictures that are laid over each other.
write("overlay.heic", read("tiles.heic").replace(b"grid\0", b"iovl\0", 1))
write("tiles-missing.heic", read("tiles.heic")[:-1500])

# Pictures that break off or lie.
jpeg, png = read("orientation-1.jpg"), read("plain.png")
write("truncated.jpg", jpeg[: len(jpeg) - 300])
write("twenty-bytes.jpg", jpeg[:20])
write("empty.jpg", b"")
sof = next(at for at in range(len(jpeg)) if jpeg[at : at + 4] == b"\xff\xc0\x00\x11")
write("claims-65535.jpg", jpeg[: sof + 5] + b"\xff\xff\xff\xff" + jpeg[sof + 9 :])
sos = jpeg.index(b"\xff\xda", sof)
scan = jpeg[sos : sos + 14]
write("thousand-scans.jpg", jpeg[:sos] + scan * 1000 + jpeg[sos:])
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def header(width, height, depth=8, colour=2):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


write("claims-30000.png", SIGNATURE + header(30000, 30000) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b""))
row = b"\0" * ((19000 + 7) // 8 + 1)
write("bomb.png", SIGNATURE + header(19000, 5000, 1, 0) + chunk(b"IDAT", zlib.compress(row * 5000, 9)) + chunk(b"IEND", b""))
row = b"\0" * (9000 * 3 + 1)
packer = zlib.compressobj(9)
packed = b"".join(packer.compress(row) for _ in range(9000)) + packer.flush()
# 243 MB of zeros are 236 kB of one deflate stream: cut, so that the file stays small and breaks off inside.
write("bomb-cut.png", SIGNATURE + header(9000, 9000) + chunk(b"IDAT", packed[:20000]) + chunk(b"IEND", b""))
write("truncated.png", png[: len(png) - 12])

# Other things, by the name of a picture.
page = b"<!DOCTYPE html>\n<html><body><script>alert(1)</script></body></html>\n"
write("page.jpg", page)
write("drawing.png", b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>\n')
write("moving.gif", b"GIF89a\x01\0\x01\0\x80\0\0\xff\xff\xff\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;")
archive = io.BytesIO()
with zipfile.ZipFile(archive, "w") as packed_file:
    packed_file.writestr("evil.js", "alert(1)")
write("archive.jpg", jpeg + archive.getvalue())
write("script-in-comment.jpg", jpeg[:2] + segment(0xFE, b"<script>alert(1)</script>") + jpeg[2:])
write("document.jpg", jpeg[:2] + segment(0xFE, b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n") + jpeg[2:] + b"\n%%EOF\n")
write("page-behind.png", png + page)
write("program-behind.jpg", jpeg + b"\x7fELF\2\1\1" + b"\0" * 64)
write("zeros-behind.jpg", jpeg + b"\0" * 2000)
seft = b"\0\0\1\x0aImage_UTC_Data1700000000000" + b"SEFH" + struct.pack("<III", 107, 1, 0x0A010000) + b"\x14\0\0\0SEFT"
write("phone-trailer.jpg", jpeg + seft)

# Videos that break off or lie.
mp4, fast = read("index-at-end.mp4"), read("faststart.mp4")
at, end = find_box(mp4, [b"moov"])
write("no-index.mp4", mp4[:at])
write("data-cut-off.mp4", fast[: len(fast) - 2000])
write("size-overflow.mp4", fast + struct.pack(">I4sQ", 1, b"mdat", 0xFFFFFFFFFFFFFFF0) + b"\0" * 32)
nest = b""
for _ in range(2000):
    nest = box(b"moov", nest)
write("nested.mp4", box(b"ftyp", b"isom\0\0\2\0isommp41") + nest + box(b"mdat", b"\0" * 16))
# QuickTime as it was before `ftyp`, with the reserve for a large size in front of the data.
mov = read("keys-and-text.mov")
ftyp = find_box(mov, [b"ftyp"])
write("old-quicktime.mov", box(b"wide") + box(b"free", b"\0" * (ftyp[1] - 16)) + mov[ftyp[1] :])
# Boxes of makers, with what they know.
uuid = box(b"uuid", b"\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac", b"<x:xmpmeta>" + PLACE)
write("maker-boxes.mp4", mp4 + uuid + box(b"sefd", PLACE) + box(b"udta", PLACE) + box(b"free", PLACE))

# Voice that breaks off or lies.
write("wav-cut-off.wav", plain[: data + 4] + struct.pack("<I", 100000) + plain[data + 8 : data + 4008])
ogg, amr, aac = read("voice.ogg"), read("narrow.amr"), read("voice.aac")
write("truncated.ogg", ogg[: len(ogg) - 100])
write("truncated.amr", amr[: len(amr) - 5])
write("truncated.aac", aac[: len(aac) - 5])
write("text.amr", b"#!AMR\nthis is no sound at all\n")

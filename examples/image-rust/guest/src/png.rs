//! A small PNG encoder: 8-bit RGB, no interlacing. A PNG is a signature and chunks of
//! `length | type | data | CRC-32 of type and data` (<https://www.w3.org/TR/png-3/>).

use miniz_oxide::deflate::compress_to_vec_zlib;

const SIGNATURE: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
const RGB8: [u8; 5] = [8, 2, 0, 0, 0];
const FILTER_NONE: u8 = 0;
const COMPRESSION_LEVEL: u8 = 4;

/// The PNG of `pixels`, which are RGB bytes row by row.
pub fn encode(width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
    let mut rows = Vec::with_capacity(pixels.len() + height as usize);
    for row in pixels.chunks(width as usize * 3) {
        rows.push(FILTER_NONE);
        rows.extend_from_slice(row);
    }
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &RGB8].concat();
    let mut out = SIGNATURE.to_vec();
    append_chunk(&mut out, b"IHDR", &header);
    append_chunk(&mut out, b"IDAT", &compress_to_vec_zlib(&rows, COMPRESSION_LEVEL));
    append_chunk(&mut out, b"IEND", &[]);
    out
}

fn append_chunk(out: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    out.extend_from_slice(&(data.len() as u32).to_be_bytes());
    let checked_from = out.len();
    out.extend_from_slice(kind);
    out.extend_from_slice(data);
    let crc = crc32(&out[checked_from..]);
    out.extend_from_slice(&crc.to_be_bytes());
}

/// CRC-32 as in ISO 3309, with a table made at compile time.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| CRC_TABLE[((crc ^ u32::from(*byte)) & 0xff) as usize] ^ (crc >> 8))
}

const CRC_TABLE: [u32; 256] = build_crc_table();

const fn build_crc_table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { 0xedb8_8320 ^ (value >> 1) } else { value >> 1 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
}

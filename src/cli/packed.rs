//! Files that may be packed by gzip: `requests.csv.gz` as well as `requests.csv`.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;

/// How gzip begins (RFC 1952).
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// All bytes of a source, unpacked where they are packed; one more than `limit` where there are more.
pub(super) fn read(mut source: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut begin = Vec::new();
    source.by_ref().take(GZIP.len() as u64).read_to_end(&mut begin)?;
    let packed = begin == GZIP;
    let whole = io::Cursor::new(begin).chain(source);
    let mut bytes = Vec::new();
    if packed {
        let unpacked = MultiGzDecoder::new(whole).take(limit + 1).read_to_end(&mut bytes);
        unpacked.map_err(|error| io::Error::new(error.kind(), format!("it can't be unpacked (gzip): {error}")))?;
    } else {
        whole.take(limit + 1).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[track_caller]
    fn check(bytes: &[u8], limit: u64, want: &str) {
        assert_eq!(String::from_utf8(read(bytes, limit).unwrap()).unwrap(), want);
    }

    #[test]
    fn what_is_packed_is_unpacked() {
        check(b"", 9, "");
        check(b"1", 9, "1");
        check(b"12,3", 9, "12,3");
        check(&packed("12,3"), 9, "12,3");
        // Files that were put together.
        check(&[packed("12,"), packed("3")].concat(), 9, "12,3");
    }

    #[test]
    fn no_more_is_unpacked_than_may_be() {
        check(b"123456", 4, "12345");
        check(&packed(&"1".repeat(1_000_000)), 4, "11111");
    }

    #[test]
    fn what_is_cut_short_is_told() {
        let whole = packed("12,3");
        let error = read(&whole[..whole.len() - 3], 9).unwrap_err().to_string();
        assert!(error.starts_with("it can't be unpacked (gzip): "), "{error}");
    }
}

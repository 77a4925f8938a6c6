//! Reads the `uniqueCount` that a workbook declares for its list of shared strings: the workbook
//! library allocates memory for that many, whatever the number. No other XML is parsed.

use std::io::{self, Write};

/// Name of the XML attribute.
const NAME: &[u8] = b"uniqueCount";

/// A writer that finds the largest declared count in the bytes written to it, in chunks of any
/// size.
#[derive(Debug, Default)]
pub struct Promised {
    bytes: u64,
    largest: u64,
    place: Place,
}

/// The parser state: the part of an attribute that the next byte belongs to.
#[derive(Debug, Default)]
enum Place {
    #[default]
    Outside,
    /// In the name, of which this many bytes have matched.
    Name(usize),
    /// After the name, before an equals sign.
    Equals,
    /// After the equals sign, before a quote.
    Quote,
    /// In the number, with its value so far.
    Number(u64),
}

impl Promised {
    /// Returns whether the declared count exceeds the number of bytes.
    pub fn is_hollow(&self) -> bool {
        self.largest > self.bytes
    }

    fn take(&mut self, byte: u8) {
        self.bytes += 1;
        self.place = match (&self.place, byte) {
            (Place::Name(count), _) if NAME.get(*count) == Some(&byte) => Place::Name(count + 1),
            (Place::Name(count), b'=') if *count == NAME.len() => Place::Quote,
            (Place::Name(count), _) if *count == NAME.len() && byte.is_ascii_whitespace() => {
                Place::Equals
            }
            (Place::Equals, b'=') => Place::Quote,
            (Place::Equals | Place::Quote, _) if byte.is_ascii_whitespace() => return,
            (Place::Quote, b'"' | b'\'') => Place::Number(0),
            (Place::Number(number), b'0'..=b'9') => Place::Number(
                number
                    .saturating_mul(10)
                    .saturating_add(u64::from(byte - b'0')),
            ),
            _ if byte == NAME[0] => Place::Name(1),
            _ => Place::Outside,
        };
        if let Place::Number(number) = self.place {
            self.largest = self.largest.max(number);
        }
    }
}

impl Write for Promised {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        bytes.iter().for_each(|byte| self.take(*byte));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unique_counts_are_found_in_any_notation() {
        for (xml, expected) in [
            ("<sst uniqueCount=\"3\"><si/><si/><si/></sst>", false),
            ("<sst count=\"9999\"><si/></sst>", false),
            ("<sst uniqueCount=\"9999\"><si/></sst>", true),
            (
                "<sst count='1' uniqueCount \n=\t '99999999999999999999999'>",
                true,
            ),
            ("<sst uuniqueCount=\"9999\">", true),
            ("<sst uniqueCounts=\"9999\">", false),
            ("<t>uniqueCount is 9999</t>", false),
        ] {
            for size in [1, 3, 100] {
                let mut promised = Promised::default();
                xml.as_bytes()
                    .chunks(size)
                    .for_each(|chunk| promised.write_all(chunk).expect("memory"));
                assert_eq!(promised.is_hollow(), expected, "{xml} in pieces of {size}");
            }
        }
    }
}

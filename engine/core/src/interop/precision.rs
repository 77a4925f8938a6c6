//! Model files with weights as 16-bit floats.

use super::weights::weights_to_half_bytes;
use super::{InteropError, LINEAR_FILE, weights_from_bytes};

/// Files of a model by name.
type NamedFiles = Vec<(String, Vec<u8>)>;

/// Returns model files with network weights as 16-bit floats, or `None` if a weight is too large for
/// one. A linear part keeps its 32 bits.
///
/// # Errors
/// Same as [`weights_from_bytes`].
pub fn half_precision(files: &NamedFiles) -> Result<Option<NamedFiles>, InteropError> {
    let mut halved = files.clone();
    for (name, bytes) in &mut halved {
        if name.ends_with(".safetensors") && name != LINEAR_FILE {
            match weights_to_half_bytes(&weights_from_bytes(bytes)?) {
                Some(half) => *bytes = half,
                None => return Ok(None),
            }
        }
    }
    Ok(Some(halved))
}

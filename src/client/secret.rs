//! Secrets, read from files and shown nowhere.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// A text that `Debug` doesn't show.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// The longest secret, in bytes; a larger file is another one.
const BYTES_MAX: u64 = 64 * 1024;

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("can't read the secret in {}: {cause}", file.display())]
    Unreadable { file: PathBuf, cause: std::io::Error },
    #[error("{} is empty; write the secret into it", file.display())]
    Empty { file: PathBuf },
    #[error("{} is longer than a secret is", file.display())]
    TooLong { file: PathBuf },
}

impl Secret {
    /// Reads a file; white space at its ends is not part of the secret.
    pub fn read(file: &Path) -> Result<Self, SecretError> {
        let unreadable = |cause| SecretError::Unreadable { file: file.to_owned(), cause };
        if fs::metadata(file).map_err(unreadable)?.len() > BYTES_MAX {
            return Err(SecretError::TooLong { file: file.to_owned() });
        }
        let text = fs::read_to_string(file).map_err(unreadable)?;
        let text = text.trim();
        if text.is_empty() {
            return Err(SecretError::Empty { file: file.to_owned() });
        }
        Ok(Self(text.to_owned()))
    }

    /// The secret itself. Only for headers, keys and addresses.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

//! The files of the endpoint: certificates, keys and tokens, as they are on disk now.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use ring::digest::{Context, Digest, SHA256};

use crate::config::Web;

/// The largest file, in bytes: a bundle of all public authorities has some 250 KB.
const BYTES_MAX: u64 = 1 << 20;

/// Why a file has nothing for us.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("can't read {}: {cause}", file.display())]
    Unreadable { file: PathBuf, cause: io::Error },
    #[error("{} is longer than {BYTES_MAX} bytes", file.display())]
    TooLong { file: PathBuf },
}

/// What the files hold. `Debug` is not for it: there are keys and tokens in it.
pub(super) struct Files(Vec<(PathBuf, io::Result<Vec<u8>>)>);

impl Files {
    /// Reads all that the settings name. It blocks for as long as the disk takes.
    pub(super) fn read(web: &Web) -> Self {
        let tls = web.tls.iter().flat_map(|tls| {
            [Some(&tls.cert_file), Some(&tls.key_file), tls.client_ca_file.as_ref()].into_iter().flatten()
        });
        Self(tls.chain(&web.bearer_token_files).map(|file| (file.clone(), read(file))).collect())
    }

    /// What one of them holds.
    pub(super) fn get(&self, file: &Path) -> Result<&[u8], FileError> {
        let file_of = || file.to_owned();
        let found = self.0.iter().find(|(path, _)| path == file).map(|(_, content)| content);
        match found {
            Some(Ok(content)) if content.len() as u64 > BYTES_MAX => Err(FileError::TooLong { file: file_of() }),
            Some(Ok(content)) => Ok(content),
            Some(Err(cause)) => {
                let cause = cause.raw_os_error().map_or_else(|| cause.kind().into(), io::Error::from_raw_os_error);
                Err(FileError::Unreadable { file: file_of(), cause })
            }
            None => Err(FileError::Unreadable { file: file_of(), cause: io::ErrorKind::NotFound.into() }),
        }
    }

    /// What tells one state of the files from another.
    pub(super) fn digest(&self) -> Digest {
        let mut context = Context::new(&SHA256);
        for (_, content) in &self.0 {
            match content {
                Ok(content) => {
                    context.update(&content.len().to_be_bytes());
                    context.update(content);
                }
                Err(_) => context.update(&u64::MAX.to_be_bytes()),
            }
        }
        context.finish()
    }
}

fn read(file: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    // One more than there may be, so that too much is seen.
    File::open(file)?.take(BYTES_MAX + 1).read_to_end(&mut content)?;
    Ok(content)
}

//! Where the journal's bytes lie: the seam of this room. A file, the memory, and in tests a disk that dies.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use redb::backends::{FileBackend, InMemoryBackend};
use redb::{BackendError, StorageBackend};

use crate::time::Timestamp;

/// The file's name within the directory.
pub const FILE: &str = "headroom.redb";

/// Where the journal's bytes lie. It is opened again after a failure, so it outlives what it opens.
pub trait Storage: fmt::Debug + Send + Sync {
    /// Opens it, and makes it where there is none.
    fn open(&self) -> io::Result<Opened>;

    /// Moves what can't be read out of the way and says where it is now.
    fn set_aside(&self, now: Timestamp) -> io::Result<String>;

    /// Its name in messages.
    fn place(&self) -> String;
}

/// What a [`Storage`] opened.
#[derive(Debug)]
pub struct Opened {
    pub backend: Box<dyn StorageBackend>,
    /// There was none before.
    pub is_new: bool,
}

/// When a write counts as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// When the disk has it: it survives a loss of power. Each step that writes waits for one `fsync`.
    #[default]
    Immediate,
    /// When the operating system has it: it survives every end of the process, `kill -9` too. A loss of power may
    /// cost the journal, which is then set aside. For disks on which `fsync` takes too long.
    Eventual,
}

/// A file in a directory of its own.
#[derive(Debug, Clone)]
pub struct Directory {
    path: PathBuf,
    durability: Durability,
}

impl Directory {
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, durability: Durability) -> Self {
        Self { path: path.into(), durability }
    }

    /// Where the file is.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.path.join(FILE)
    }

    /// A name that no file has yet: two may be set aside within a millisecond.
    fn spare(&self, now: Timestamp) -> PathBuf {
        let name = format!("{FILE}.corrupt-{}", now.to_string().replace(':', "-"));
        let numbered = (2..).map(|number| self.path.join(format!("{name}-{number}")));
        let mut names = std::iter::once(self.path.join(&name)).chain(numbered);
        names.find(|path| !path.exists()).unwrap_or_else(|| self.path.join(name))
    }
}

impl Storage for Directory {
    fn open(&self) -> io::Result<Opened> {
        fs::create_dir_all(&self.path)?;
        let path = self.file();
        let is_new = !path.exists();
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        if is_new && self.durability == Durability::Immediate {
            // Else the file's name may be lost with the power, and with it all that was written.
            sync_directory(&self.path)?;
        }
        let backend = FileBackend::new(file).map_err(io::Error::other)?;
        let backend: Box<dyn StorageBackend> = match self.durability {
            Durability::Immediate => Box::new(backend),
            Durability::Eventual => Box::new(Unsynced(backend)),
        };
        Ok(Opened { backend, is_new })
    }

    fn set_aside(&self, now: Timestamp) -> io::Result<String> {
        let spare = self.spare(now);
        fs::rename(self.file(), &spare)?;
        Ok(spare.display().to_string())
    }

    fn place(&self) -> String {
        self.file().display().to_string()
    }
}

fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
}

/// The memory: for a demo, and where nothing is to be kept.
#[derive(Debug, Clone, Copy, Default)]
pub struct Memory;

impl Storage for Memory {
    fn open(&self) -> io::Result<Opened> {
        Ok(Opened { backend: Box::new(InMemoryBackend::new()), is_new: true })
    }

    fn set_aside(&self, _: Timestamp) -> io::Result<String> {
        Ok("nowhere".to_owned())
    }

    fn place(&self) -> String {
        "the journal in memory".to_owned()
    }
}

/// Passes every call of the store on; what `$own` gives stands for the calls that an adapter treats in its own way.
macro_rules! pass_on {
    ($field:tt; $($own:tt)*) => {
        fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            self.$field.read(offset, out)
        }
        fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
            self.$field.write(offset, data)
        }
        fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
            self.$field.try_lock_range(start, end)
        }
        fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
            self.$field.try_lock_shared_range(start, end)
        }
        fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
            self.$field.lock_range(start, end)
        }
        fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
            self.$field.lock_shared_range(start, end)
        }
        fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
            self.$field.unlock_range(start, end)
        }
        fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
            self.$field.query_lock_range(start, end)
        }
        $($own)*
    };
}

/// A file whose writes the operating system carries to the disk when it likes.
#[derive(Debug)]
struct Unsynced(FileBackend);

impl StorageBackend for Unsynced {
    pass_on! { 0;
        fn len(&self) -> io::Result<u64> {
            self.0.len()
        }
        fn set_len(&self, len: u64) -> io::Result<()> {
            self.0.set_len(len)
        }
        fn sync_data(&self) -> io::Result<()> {
            Ok(())
        }
        fn close(&self) -> io::Result<()> {
            self.0.sync_data().and(self.0.close())
        }
    }
}

/// Whatever a [`Storage`] opened, with its length to be seen.
#[derive(Debug)]
pub(super) struct Measured {
    inner: Box<dyn StorageBackend>,
    bytes: Arc<AtomicU64>,
}

impl Measured {
    /// `bytes` is the storage's length from now on.
    pub(super) fn new(inner: Box<dyn StorageBackend>, bytes: Arc<AtomicU64>) -> io::Result<Self> {
        bytes.store(inner.len()?, Relaxed);
        Ok(Self { inner, bytes })
    }
}

impl StorageBackend for Measured {
    pass_on! { inner;
        fn len(&self) -> io::Result<u64> {
            self.inner.len()
        }
        fn set_len(&self, len: u64) -> io::Result<()> {
            self.inner.set_len(len)?;
            self.bytes.store(len, Relaxed);
            Ok(())
        }
        fn sync_data(&self) -> io::Result<()> {
            self.inner.sync_data()
        }
        fn close(&self) -> io::Result<()> {
            self.inner.close()
        }
    }
}

use crate::failure::{Failure, Result};
use wasip3::filesystem::preopens::get_directories;
use wasip3::filesystem::types::{Descriptor, DescriptorFlags, DescriptorType, ErrorCode, OpenFlags, PathFlags};
use wasip3::wit_stream;

/// The file's bytes.
pub async fn read(path: &str) -> Result<Vec<u8>> {
    let file = open(path, OpenFlags::empty(), DescriptorFlags::READ).await?;
    let (contents, done) = file.read_via_stream(0);
    let bytes = contents.collect().await;
    done.await?;
    Ok(bytes)
}

/// Makes or replaces the file.
pub async fn write(path: &str, text: &str) -> Result<()> {
    let file = open(path, OpenFlags::CREATE | OpenFlags::TRUNCATE, DescriptorFlags::WRITE).await?;
    let (mut writer, reader) = wit_stream::new();
    let done = file.write_via_stream(reader, 0);
    let unwritten = writer.write_all(text.into()).await;
    drop(writer);
    done.await?;
    if unwritten.is_empty() {
        Ok(())
    } else {
        Err(ErrorCode::Io.into())
    }
}

/// The sorted names in a folder.
pub async fn list(path: &str) -> Result<Vec<String>> {
    let folder = open(path, OpenFlags::DIRECTORY, DescriptorFlags::READ).await?;
    let (entries, done) = folder.read_directory();
    let mut names: Vec<String> = entries.collect().await.into_iter().map(|entry| entry.name).collect();
    done.await?;
    names.sort();
    Ok(names)
}

/// The kind and the size; of a symlink, its own.
pub async fn stat(path: &str) -> Result<String> {
    let (folder, path) = locate(path)?;
    let stat = folder.stat_at(PathFlags::empty(), path.into()).await?;
    let kind = match stat.type_ {
        DescriptorType::Directory => "directory",
        DescriptorType::SymbolicLink => "symlink",
        DescriptorType::RegularFile => "file",
        _ => "other",
    };
    Ok(format!("{kind} {} bytes", stat.size))
}

pub async fn mkdir(path: &str) -> Result<()> {
    let (folder, path) = locate(path)?;
    Ok(folder.create_directory_at(path.into()).await?)
}

pub async fn unlink(path: &str) -> Result<()> {
    let (folder, path) = locate(path)?;
    Ok(folder.unlink_file_at(path.into()).await?)
}

pub async fn rename(from: &str, to: &str) -> Result<()> {
    let ((from_folder, from), (to_folder, to)) = (locate(from)?, locate(to)?);
    Ok(from_folder.rename_at(from.into(), &to_folder, to.into()).await?)
}

async fn open(path: &str, how: OpenFlags, rights: DescriptorFlags) -> Result<Descriptor> {
    let (folder, path) = locate(path)?;
    Ok(folder.open_at(PathFlags::SYMLINK_FOLLOW, path.into(), how, rights).await?)
}

/// The innermost preopen that holds `path`, and the path below it.
fn locate(path: &str) -> Result<(Descriptor, &str)> {
    let below = |(folder, root): (Descriptor, String)| {
        let rest = path.strip_prefix(root.trim_end_matches('/'))?;
        (rest.is_empty() || rest.starts_with('/')).then_some((folder, rest))
    };
    let (folder, rest) = get_directories()
        .into_iter()
        .filter_map(below)
        .min_by_key(|(_, rest)| rest.len())
        .ok_or_else(|| Failure::invalid(format_args!("no preopen holds {path:?}")))?;
    let relative = rest.trim_start_matches('/');
    Ok((folder, if relative.is_empty() { "." } else { relative }))
}

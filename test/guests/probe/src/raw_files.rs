//! File access straight through wasi:filesystem, with paths that wasi-libc would refuse before the host sees them.

use crate::query::Query;
use crate::reply::Reply;
use wasip2::filesystem::preopens::get_directories;
use wasip2::filesystem::types::{Descriptor, DescriptorFlags, ErrorCode, OpenFlags, PathFlags};

/// The preopens, one `index path` a line.
pub fn preopens() -> Reply {
    let line = |(index, (_, path)): (usize, (Descriptor, String))| format!("{index} {path}\n");
    Reply::ok(get_directories().into_iter().enumerate().map(line).collect::<String>())
}

/// Does `op` with `path` (and `to`) on preopen `dir` (0); `follow=1` follows a symlink at the path's end.
pub fn call(query: &Query) -> Reply {
    let mut directories = get_directories();
    let index = query.number("dir", 0) as usize;
    if index >= directories.len() {
        return Reply::ok("error: no such preopen\n");
    }
    let (dir, _) = directories.swap_remove(index);
    let result = operate(&dir, query).map_err(|code| code.name().to_owned());
    Reply::outcome(result)
}

fn operate(dir: &Descriptor, query: &Query) -> Result<String, ErrorCode> {
    let (path, to) = (query.text("path"), query.text("to"));
    let follow = if query.number("follow", 0) == 1 { PathFlags::SYMLINK_FOLLOW } else { PathFlags::empty() };
    let done = |()| "done".to_owned();
    match query.text("op") {
        "read" => read(&dir.open_at(follow, path, OpenFlags::empty(), DescriptorFlags::READ)?),
        "write" => {
            let flags = OpenFlags::CREATE | OpenFlags::TRUNCATE;
            let file = dir.open_at(follow, path, flags, DescriptorFlags::READ | DescriptorFlags::WRITE)?;
            file.write(query.text("text").as_bytes(), 0).map(|count| format!("{count} bytes"))
        }
        "open-directory" => {
            let flags = DescriptorFlags::READ | DescriptorFlags::MUTATE_DIRECTORY;
            let inner = dir.open_at(follow, path, OpenFlags::DIRECTORY, flags)?;
            read(&inner.open_at(follow, to, OpenFlags::empty(), DescriptorFlags::READ)?)
        }
        "stat" => dir.stat_at(follow, path).map(|stat| format!("{:?} {} bytes", stat.type_, stat.size)),
        "symlink" => dir.symlink_at(path, to).map(done),
        "readlink" => dir.readlink_at(path),
        "link" => dir.link_at(follow, path, dir, to).map(done),
        "rename" => dir.rename_at(path, dir, to).map(done),
        "mkdir" => dir.create_directory_at(path).map(done),
        "rmdir" => dir.remove_directory_at(path).map(done),
        "unlink" => dir.unlink_file_at(path).map(done),
        _ => Err(ErrorCode::Unsupported),
    }
}

fn read(file: &Descriptor) -> Result<String, ErrorCode> {
    let (bytes, _) = file.read(64 * 1024, 0)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

//! File access through the standard library, so through wasi-libc and its look-up of preopens.

use crate::query::Query;
use crate::reply::Reply;
use std::ffi::{c_char, c_int, CString};
use std::fs;
use std::io::{Error, Result};

extern "C" {
    // The standard library has no stable symlink for WASI.
    fn symlink(target: *const c_char, link: *const c_char) -> c_int;
}

fn reply(result: Result<String>) -> Reply {
    Reply::outcome(result.map_err(|error| format!("{:?} ({error})", error.kind())))
}

pub fn read(query: &Query) -> Reply {
    reply(fs::read(query.text("path")).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

pub fn write(query: &Query) -> Reply {
    let text = query.text("text");
    reply(fs::write(query.text("path"), text).map(|()| format!("{} bytes", text.len())))
}

pub fn list(query: &Query) -> Reply {
    reply(names(query.text("path")).map(|names| names.join(" ")))
}

fn names(path: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

pub fn stat(query: &Query) -> Reply {
    reply(fs::symlink_metadata(query.text("path")).map(|meta| {
        let kind = if meta.is_dir() {
            "directory"
        } else if meta.is_symlink() {
            "symlink"
        } else if meta.is_file() {
            "file"
        } else {
            "other"
        };
        format!("{kind} {} bytes", meta.len())
    }))
}

fn make_symlink(target: &str, link: &str) -> Result<String> {
    let (target, link) = (CString::new(target)?, CString::new(link)?);
    // SAFETY: both are zero-terminated and live until the call returns.
    match unsafe { symlink(target.as_ptr(), link.as_ptr()) } {
        0 => Ok("linked".into()),
        _ => Err(Error::last_os_error()),
    }
}

pub fn symlink_file(query: &Query) -> Reply {
    reply(make_symlink(query.text("from"), query.text("to")))
}

pub fn mkdir(query: &Query) -> Reply {
    reply(fs::create_dir(query.text("path")).map(|()| "made".into()))
}

pub fn unlink(query: &Query) -> Reply {
    reply(fs::remove_file(query.text("path")).map(|()| "removed".into()))
}

pub fn rmdir(query: &Query) -> Reply {
    reply(fs::remove_dir(query.text("path")).map(|()| "removed".into()))
}

pub fn rename(query: &Query) -> Reply {
    reply(fs::rename(query.text("from"), query.text("to")).map(|()| "renamed".into()))
}

//! The smart protocol, version 2 (`gitprotocol-v2`), over HTTP (`gitprotocol-http`).

use super::{Id, Kind, Repository, hex, unhex};
use crate::Content;
use crate::http::{Reply, Request};
use sha1_checked::{Digest, Sha1};
use std::borrow::Cow;

const FLUSH: &[u8] = b"0000";
const DELIMITER: &[u8] = b"0001";

/// Answers where the path is that of a repository.
pub(crate) fn reply(content: &Content, request: &Request) -> Option<Reply<'static>> {
    let path = request.path();
    let of = |end: &str| content.repositories.get(path.strip_suffix(end)?);
    if let Some(repository) = of("/git-upload-pack").filter(|_| request.method == "POST") {
        let body = answer(repository, &lines(&request.body));
        return Some(reply_of("result", body));
    }
    of("/info/refs")?;
    if request.parameter("service").as_deref() != Some("git-upload-pack")
        || request.header("git-protocol") != Some("version=2")
    {
        return Some(Reply::plain(403, Vec::new()));
    }
    let capabilities =
        ["version 2", "agent=gabion-upstream", "ls-refs", "fetch=shallow", "object-format=sha1"];
    Some(reply_of("advertisement", [&capabilities.map(text).concat()[..], FLUSH].concat()))
}

fn reply_of(what: &str, body: Vec<u8>) -> Reply<'static> {
    let headers = vec![
        format!("Content-Type: application/x-git-upload-pack-{what}"),
        "Cache-Control: no-cache".to_owned(),
    ];
    Reply { status: 200, headers, body: Cow::Owned(body) }
}

fn packet(bytes: &[u8]) -> Vec<u8> {
    [format!("{:04x}", bytes.len() + 4).as_bytes(), bytes].concat()
}

fn text(line: impl AsRef<str>) -> Vec<u8> {
    packet(format!("{}\n", line.as_ref()).as_bytes())
}

/// The lines of a request; borders are left out.
fn lines(mut body: &[u8]) -> Vec<String> {
    let mut out = Vec::new();
    while let Some((digits, rest)) = body.split_first_chunk::<4>() {
        let length = std::str::from_utf8(digits)
            .ok()
            .and_then(|it| usize::from_str_radix(it, 16).ok())
            .unwrap_or_default();
        let (line, rest) = rest.split_at(length.saturating_sub(4).min(rest.len()));
        if length > 4 {
            out.push(String::from_utf8_lossy(line).trim_end().to_owned());
        }
        body = rest;
    }
    out
}

fn answer(repository: &Repository, lines: &[String]) -> Vec<u8> {
    match lines.first().map(String::as_str) {
        Some("command=ls-refs") => ls_refs(repository, lines),
        Some("command=fetch") => {
            fetch(repository, lines).unwrap_or_else(|why| packet(format!("ERR {why}").as_bytes()))
        }
        _ => packet(b"ERR unknown command"),
    }
}

fn ls_refs(repository: &Repository, lines: &[String]) -> Vec<u8> {
    let has = |word: &str| lines.iter().any(|line| line == word);
    let prefixes: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("ref-prefix ")).collect();
    let head = repository.refs.get_key_value("refs/heads/main");
    let mut out = Vec::new();
    for (shown, (name, id)) in
        head.map(|it| ("HEAD", it)).into_iter().chain(repository.refs.iter().map(|it| (it.0.as_str(), it)))
    {
        if !prefixes.is_empty() && !prefixes.iter().any(|prefix| shown.starts_with(prefix)) {
            continue;
        }
        let mut line = format!("{} {shown}", hex(id));
        if shown != name && has("symrefs") {
            line = format!("{line} symref-target:{name}");
        }
        if let Some(peeled) = repository.named(id, "object").first().filter(|_| has("peel")) {
            line = format!("{line} peeled:{}", hex(peeled));
        }
        out.extend(text(line));
    }
    [&out[..], FLUSH].concat()
}

/// The pack, or why there is none.
fn fetch(repository: &Repository, lines: &[String]) -> Result<Vec<u8>, String> {
    let mut wanted = Vec::new();
    for line in lines.iter().filter_map(|line| line.strip_prefix("want ")) {
        wanted.push(repository.wanted(line).ok_or_else(|| format!("upload-pack: not our ref {line}"))?);
    }
    if !lines.iter().any(|line| line == "done") {
        return Ok([text("acknowledgments"), text("NAK"), FLUSH.to_vec()].concat());
    }
    let depth =
        lines.iter().find_map(|line| line.strip_prefix("deepen ")?.parse().ok()).unwrap_or(usize::MAX);
    let (objects, cut) = repository.closure(&wanted, depth);
    let mut out = Vec::new();
    if !cut.is_empty() {
        out.extend(text("shallow-info"));
        out.extend(cut.iter().flat_map(|id| text(format!("shallow {}", hex(id)))));
        out.extend_from_slice(DELIMITER);
    }
    out.extend(text("packfile"));
    for piece in repository.pack(&objects).chunks(65515) {
        out.extend(packet(&[&[1], piece].concat()));
    }
    out.extend_from_slice(FLUSH);
    Ok(out)
}

impl Repository {
    /// The object that a client gets for the one that it names.
    fn wanted(&self, text: &str) -> Option<Id> {
        let id = unhex(text.as_bytes()).filter(|id| self.objects.contains_key(id))?;
        let is_tip = self.refs.values().any(|tip| *tip == id);
        if self.only_tips && !is_tip {
            return None;
        }
        self.instead.as_ref().map_or(Some(id), |other| unhex(other.as_bytes()))
    }

    /// Everything below `wanted`, commits no further than `depth`, and the commits whose parents are left out.
    fn closure(&self, wanted: &[Id], depth: usize) -> (Vec<Id>, Vec<Id>) {
        let (mut objects, mut cut) = (Vec::new(), Vec::new());
        let mut next: Vec<(Id, usize)> = wanted.iter().map(|id| (*id, 1)).collect();
        while let Some((id, level)) = next.pop() {
            if objects.contains(&id) {
                continue;
            }
            objects.push(id);
            next.extend(self.named(&id, "object").into_iter().map(|id| (id, level)));
            self.named(&id, "tree").iter().for_each(|tree| self.below(tree, &mut objects));
            let parents = self.named(&id, "parent");
            if level < depth {
                next.extend(parents.into_iter().map(|id| (id, level + 1)));
            } else if !parents.is_empty() {
                cut.push(id);
            }
        }
        (objects, cut)
    }

    /// A pack without deltas (`gitformat-pack`).
    fn pack(&self, ids: &[Id]) -> Vec<u8> {
        let mut out = b"PACK\0\0\0\x02".to_vec();
        out.extend_from_slice(&(ids.len() as u32).to_be_bytes());
        for (kind, bytes) in ids.iter().filter_map(|id| self.objects.get(id)) {
            entry(&mut out, *kind, bytes);
        }
        let sum = Sha1::digest(&out);
        out.extend_from_slice(&sum);
        out
    }
}

fn entry(out: &mut Vec<u8>, kind: Kind, bytes: &[u8]) {
    let mut size = bytes.len();
    let mut byte = (kind as u8) << 4 | (size & 15) as u8;
    size >>= 4;
    while size > 0 {
        out.push(byte | 0x80);
        byte = (size & 0x7f) as u8;
        size >>= 7;
    }
    out.push(byte);
    out.extend(miniz_oxide::deflate::compress_to_vec_zlib(bytes, 6));
}

//! `challenge`: two builders whose records do not say the same.

use super::build::{Shop, shop};
use gabion_cache::{DirRemote, Judge, Posted, Remote, Signer, Slot, Source, Statement, seal};
use gabion_digest::{BlobId, Sha256, hash_bytes};
use gabion_keys::{KeyId, SigningKey};
use gabion_store::{Meta, Output, Record, Store, TreePath};
use std::path::Path;

fn line(shop: &Shop, name: &str) -> String {
    fs_err::read_to_string(shop.key(name).with_extension("pub")).unwrap().trim().to_owned()
}

fn signer(shop: &Shop, name: &str) -> Signer {
    Signer(Sha256::from_bytes(*KeyId::of_line(&line(shop, name)).unwrap().as_bytes()))
}

/// Every file below a folder.
fn files(folder: &Path, out: &mut Vec<std::path::PathBuf>) {
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, out) } else { out.push(path) }
    }
}

/// Lets `fork` say of everything that the document is in that one byte of it is another.
async fn lie(shop: &Shop, folder: &Path) -> usize {
    let (remote, mut found) = (DirRemote::new(folder), Vec::new());
    files(&folder.join("record/main/request"), &mut found);
    let mut statements = Vec::new();
    for path in found {
        let slot =
            Slot::of_path(path.strip_prefix(folder.join("record")).unwrap().to_str().unwrap()).unwrap();
        assert_eq!(slot.signer, signer(shop, "ci"));
        let said = Judge::default().open("here", &slot, &fs_err::read(&path).unwrap()).unwrap();
        let mut record = said.records()[&slot.key].clone();
        for output in record.outputs.values_mut() {
            let hex = output.blob.hex();
            let mut bytes = fs_err::read(folder.join("blob").join(&hex[..2]).join(hex)).unwrap();
            if !bytes.starts_with(b"apiVersion") {
                continue;
            }
            bytes[20] ^= 1;
            *output = Output::from(hash_bytes(&bytes));
            remote.put(&Source::of_bytes(bytes, output)).await.unwrap();
        }
        if record != said.records()[&slot.key] {
            statements.push(Statement::of(slot.key, record, []).unwrap());
        }
    }
    let key = SigningKey::load(&shop.key("fork"), None, &mut || None).unwrap();
    let posted: Vec<Posted> = seal(&key, &"fork".parse().unwrap(), statements).unwrap();
    remote.put_records(&posted).await.unwrap();
    posted.len()
}

/// Lets `ci` and `fork` say that what was fetched is a tree with one file, whose bytes they tell otherwise.
async fn trees(shop: &Shop, folder: &Path) {
    let (remote, mut found) = (DirRemote::new(folder), Vec::new());
    files(&folder.join("record/main/request"), &mut found);
    let path = found[0].strip_prefix(folder.join("record")).unwrap().to_str().unwrap();
    let slot = Slot::of_path(path).unwrap();
    let place = tempfile::tempdir().unwrap();
    let store = Store::open(place.path()).unwrap();
    for (name, namespace, text) in [("ci", "main", "size 1\n"), ("fork", "fork", "size=1\n")] {
        let mut tree = store.build_tree().unwrap();
        let meta = Meta { mode: 0o644, uid: 0, gid: 0 };
        tree.directory(TreePath::new("etc").unwrap(), Meta { mode: 0o755, ..meta }).unwrap();
        tree.file(TreePath::new("etc/tool.conf").unwrap(), meta, 7, text.as_bytes()).unwrap();
        let (id, tree) = tree.finish().unwrap();
        let manifest = fs_err::read(store.path_of(BlobId::new(id.digest()))).unwrap();
        let manifest = Output::from(hash_bytes(&manifest));
        for blob in [tree.content(), manifest] {
            remote.put(&Source::of_store(&store, &blob).unwrap().unwrap()).await.unwrap();
        }
        let record = Record {
            outputs: [("system".to_owned(), tree.content())].into(),
            trees: [("system".to_owned(), id)].into(),
            ..Record::default()
        };
        let statement = Statement::of(slot.key, record, [manifest]).unwrap();
        let key = SigningKey::load(&shop.key(name), None, &mut || None).unwrap();
        remote.put_records(&seal(&key, &namespace.parse().unwrap(), vec![statement]).unwrap()).await.unwrap();
    }
}

#[tokio::test]
async fn where_two_builders_differ_is_shown_down_to_the_byte() {
    let shop = shop();
    let folder = shop.world.path("cache");
    let challenge = format!("challenge --cache dir:{}", folder.display());
    shop.fill(&format!("dir:{}", folder.display()), "");
    let both = format!("fork = [\"{}\"]\n", line(&shop, "fork"));
    let alone = shop.job(false, &both).plain(&challenge);
    assert!(alone.code == 0 && alone.stderr.contains("more than one builder"), "{}", alone.stderr);
    let honest = shop.job(true, &format!("{both}[cache]\nnamespace = \"fork\"\n"));
    assert_eq!(honest.plain("build").code, 0);
    let run = honest.run(&challenge.replace("challenge", "cache push"), &shop.key("fork"));
    assert_eq!(run.code, 0, "{}", run.stderr);
    let same = shop.job(false, &both).plain(&challenge);
    assert!(same.code == 0 && same.stderr.contains("results are the same"), "{}", same.stderr);
    let lies = lie(&shop, &folder).await;
    assert!(lies > 0);
    let run = shop.job(false, &both).plain(&challenge);
    assert_eq!(run.code, 7, "{} {}", run.stdout, run.stderr);
    for said in ["bytes 20 to 21", "#", &signer(&shop, "ci").to_string(), &signer(&shop, "fork").to_string()]
    {
        assert!(run.stdout.contains(said), "no `{said}`: {}", run.stdout);
    }
    trees(&shop, &folder).await;
    let run = shop.job(false, &both).plain(&challenge);
    assert!(run.code == 7 && run.stdout.contains("`/etc/tool.conf`: bytes 4 to 5"), "{}", run.stdout);
    // Whoever built it here sees whom it agrees with.
    let own = honest.plain(&format!("{challenge} --json"));
    let told: serde_json::Value = serde_json::from_str(&own.stdout).unwrap();
    let by = |side: &str| told["differences"][0][side].to_string();
    assert!(by("from").contains("here") != by("to").contains("here"), "{told}");
    assert!(told["differences"][0]["places"][0] == "bytes 20 to 21", "{told}");
}

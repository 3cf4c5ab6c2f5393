//! A cache in a bucket: the contract against two servers that play S3, with boto3 beside it.

use super::peers::{Bucket, open};
use gabion_cache::contract::contract;
use gabion_cache::{Key, Signer, Slot, Source};
use gabion_digest::{Digest, RequestId, Sha256, hash_bytes};
use gabion_store::Output;

#[tokio::test]
async fn moto_keeps_the_contract() {
    let Some(bucket) = Bucket::moto() else { return };
    contract(&*bucket.open("a/b")).await;
}

#[tokio::test]
async fn gofakes3_keeps_the_contract() {
    let Some(bucket) = Bucket::gofakes3() else { return };
    contract(&*bucket.open("a/b")).await;
}

fn slot() -> Slot {
    let key = Key::Request(RequestId::new(Digest::of(b"x")));
    Slot { namespace: "main".parse().unwrap(), key, signer: Signer(Sha256::of(b"me")) }
}

#[tokio::test]
async fn whoever_signs_wrongly_is_refused_and_told_why() {
    for bucket in Bucket::all() {
        let wrong = open(&bucket.address, (Some(&bucket.key), "wr0ng"));
        let error = wrong.records(&[slot()]).await.unwrap_err();
        assert!(error.code() == "E2002" && error.to_string().contains("SignatureDoesNotMatch"), "{error}");
        assert!(!format!("{wrong:?} {error:?}").contains("wr0ng"), "{wrong:?}");
        let nowhere = bucket.address.replace("/cache", "/no-such-bucket");
        let nowhere = open(&nowhere, (Some(&bucket.key), &bucket.secret));
        let error = nowhere.records(&[slot()]).await.unwrap_err();
        assert!(error.code() == "E2002" && error.to_string().contains("NoSuchBucket"), "{error}");
    }
}

#[tokio::test]
async fn what_boto3_finds_is_what_was_put_and_other_bytes_are_replaced() {
    for bucket in Bucket::all() {
        let remote = bucket.open("p");
        let blob: Output = hash_bytes(b"good").into();
        let source = Source::of_bytes(&b"good"[..], &blob);
        remote.put(&source).await.unwrap();
        let hex = blob.blob.hex();
        let at = format!("Bucket='cache', Key='p/blob/{}/{hex}'", &hex[..2]);
        let body = format!("print(s3.get_object({at})['Body'].read().decode())\n");
        let time = format!("print(s3.head_object({at})['LastModified'])\n");
        let Some(first) = bucket.boto3(&format!("{body}{time}")) else { return };
        assert!(first.starts_with("good\n"), "{first}");
        // Times have seconds.
        tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
        remote.put(&source).await.unwrap();
        let then = bucket.boto3(&format!("{body}{time}s3.put_object({at}, Body=b'evil')")).unwrap();
        assert_eq!(then, first, "what is there and right is left alone");
        assert!(remote.has(&[blob]).await.unwrap().contains(&blob.blob), "it has the right size");
        remote.put(&source).await.unwrap();
        assert_eq!(bucket.boto3(&body).unwrap(), "good\n");
    }
}

#[tokio::test]
async fn a_lie_in_parts_leaves_neither_an_object_nor_parts() {
    for bucket in Bucket::all() {
        let mut bytes = vec![7; 65 << 20];
        let truth: Output = hash_bytes(&bytes).into();
        *bytes.last_mut().unwrap() = 8;
        let remote = bucket.open("p");
        let error = remote.put(&Source::of_bytes(bytes, &truth)).await.unwrap_err();
        assert_eq!(error.code(), "E2004", "{error}");
        assert!(remote.has(&[truth]).await.unwrap().is_empty());
        let left = "print(s3.list_multipart_uploads(Bucket='cache').get('Uploads', []))";
        assert!(bucket.boto3(left).is_none_or(|it| it == "[]\n"), "parts are thrown away");
    }
}

//! `encryptAES`, `decryptAES`: AES-256 in CBC mode with PKCS #7 padding, the vector in front, all in base64.

use aes::Aes256;
use aes::cipher::{
    BlockDecryptMut as _, BlockEncryptMut as _, KeyIvInit as _,
    block_padding::{NoPadding, Pkcs7},
};
use base64::Engine as _;
use gabion_template::{Error, Function, Param, Value};

use super::random::{fill, tainted};
use crate::call::{Answer, bytes, derive, string};
use crate::encode::decode64;

use Param::String as Str;

pub(crate) const FUNCTIONS: &[Function] =
    &[derive("decryptAES", &[Str, Str], decrypt), derive("encryptAES", &[Str, Str], encrypt)];

/// The password, cut or filled with zeros to the length of a key.
fn key(password: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    let length = password.len().min(32);
    key[..length].copy_from_slice(&password[..length]);
    key
}

fn encrypt(args: &[Value]) -> Answer {
    let plain = bytes(args, 1)?;
    if plain.is_empty() {
        return string("");
    }
    let mut vector = [0; 16];
    fill(&mut vector)?;
    let cipher = cbc::Encryptor::<Aes256>::new(&key(bytes(args, 0)?).into(), &vector.into());
    let sealed = [&vector[..], &cipher.encrypt_padded_vec_mut::<Pkcs7>(plain)].concat();
    Ok(tainted(base64::engine::general_purpose::STANDARD.encode(sealed)))
}

/// The padding is not checked, as sprig does not.
fn decrypt(args: &[Value]) -> Answer {
    let text = bytes(args, 1)?;
    if text.is_empty() {
        return string("");
    }
    let sealed = decode64(text).map_err(|at| Error(format!("illegal base64 data at input byte {at}")))?;
    let Some((vector, sealed)) = sealed.split_at_checked(16) else {
        return Err(
            format!("runtime error: slice bounds out of range [:16] with capacity {}", sealed.len()).into()
        );
    };
    let vector = <[u8; 16]>::try_from(vector).unwrap_or_default();
    let cipher = cbc::Decryptor::<Aes256>::new(&key(bytes(args, 0)?).into(), &vector.into());
    let plain = cipher.decrypt_padded_vec_mut::<NoPadding>(sealed);
    let plain = plain.map_err(|_| Error::from("crypto/cipher: input not full blocks"))?;
    let Some(padding) = plain.last() else {
        return Err("runtime error: index out of range [-1]".into());
    };
    match plain.len().checked_sub(usize::from(*padding)) {
        Some(end) => string(&plain[..end]),
        None => Err("runtime error: slice bounds out of range".into()),
    }
}

//! Passwords: hashed with a random salt, and derived from a master password.

use blowfish::Blowfish;
use gabion_template::{Data, Error, Function, Param, Value};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use super::random::{fill, tainted};
use crate::call::{Answer, any, bytes, derive, string};

use Param::{Any, String as Str};

pub(crate) const FUNCTIONS: &[Function] = &[
    derive("bcrypt", &[Str], |args| Ok(tainted(bcrypt(bytes(args, 0)?)?))).that_takes(super::IS_SLOW),
    derive("derivePassword", &[Any, Str, Str, Str, Str], derive_password).that_takes(super::IS_SLOW),
    derive("htpasswd", &[Str, Str], htpasswd).that_takes(super::IS_SLOW),
];

const COST: u32 = 10;
/// bcrypt's own alphabet for base 64.
const ALPHABET: &[u8; 64] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// `$2a$10$` with salt and hash (Provos and Mazières, "A Future-Adaptable Password Scheme"; Go's `x/crypto/bcrypt`).
fn bcrypt(password: &[u8]) -> Result<String, Error> {
    if password.len() > 72 {
        return Ok(
            "failed to encrypt string with bcrypt: bcrypt: password length exceeds 72 bytes".to_owned()
        );
    }
    let mut salt = [0; 16];
    fill(&mut salt)?;
    Ok(hashed(password, salt))
}

fn hashed(password: &[u8], salt: [u8; 16]) -> String {
    let key = [password, &[0]].concat();
    let mut state = Blowfish::bc_init_state();
    state.salted_expand_key(&salt, &key);
    for _ in 0..1_u32 << COST {
        state.bc_expand_key(&key);
        state.bc_expand_key(&salt);
    }
    let mut hash = Vec::with_capacity(24);
    for block in b"OrpheanBeholderScryDoubt".chunks_exact(8) {
        let word = |at: usize| u32::from_be_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]]);
        let mut words = [word(0), word(4)];
        for _ in 0..64 {
            words = state.bc_encrypt(words);
        }
        hash.extend(words.iter().flat_map(|word| word.to_be_bytes()));
    }
    format!("$2a${COST}${}{}", base64(&salt), base64(&hash[..23]))
}

fn base64(bytes: &[u8]) -> String {
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let value = byte(0) << 16 | byte(1) << 8 | byte(2);
        out.extend((0..=group.len()).map(|at| char::from(ALPHABET[(value >> (18 - 6 * at) & 63) as usize])));
    }
    out
}

fn htpasswd(args: &[Value]) -> Answer {
    let (user, password) = (bytes(args, 0)?, bytes(args, 1)?);
    if user.contains(&b':') {
        return string([b"invalid username: ", user].concat());
    }
    Ok(tainted([user, b":", bcrypt(password)?.as_bytes()].concat()))
}

const SEED: &[u8] = b"com.lyndir.masterpassword";

/// The shapes of passwords of a kind; each sign of a shape names a set of characters.
fn shapes(kind: &[u8]) -> Option<&'static [&'static str]> {
    Some(match kind {
        b"maximum" => &["anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"],
        b"long" => &[
            "CvcvnoCvcvCvcv",
            "CvcvCvcvnoCvcv",
            "CvcvCvcvCvcvno",
            "CvccnoCvcvCvcv",
            "CvccCvcvnoCvcv",
            "CvccCvcvCvcvno",
            "CvcvnoCvccCvcv",
            "CvcvCvccnoCvcv",
            "CvcvCvccCvcvno",
            "CvcvnoCvcvCvcc",
            "CvcvCvcvnoCvcc",
            "CvcvCvcvCvccno",
            "CvccnoCvccCvcv",
            "CvccCvccnoCvcv",
            "CvccCvccCvcvno",
            "CvcvnoCvccCvcc",
            "CvcvCvccnoCvcc",
            "CvcvCvccCvccno",
            "CvccnoCvcvCvcc",
            "CvccCvcvnoCvcc",
            "CvccCvcvCvccno",
        ],
        b"medium" => &["CvcnoCvc", "CvcCvcno"],
        b"short" => &["Cvcn"],
        b"basic" => &["aaanaaan", "aannaaan", "aaannaaa"],
        b"pin" => &["nnnn"],
        _ => return None,
    })
}

fn characters(sign: u8) -> &'static [u8] {
    match sign {
        b'V' => b"AEIOU",
        b'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        b'v' => b"aeiou",
        b'c' => b"bcdfghjklmnpqrstvwxyz",
        b'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        b'n' => b"0123456789",
        b'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

/// Master Password's algorithm: the same arguments give the same password. The counter is a Go `uint32`.
fn derive_password(args: &[Value]) -> Answer {
    let counter = match any(args, 0).data {
        Data::Int(int) => u32::try_from(int.value()).ok(),
        _ => None,
    };
    let counter = counter.ok_or("wrong type for value; expected uint32")?;
    let (kind, password, user, site) = (bytes(args, 1)?, bytes(args, 2)?, bytes(args, 3)?, bytes(args, 4)?);
    let Some(shapes) = shapes(kind) else {
        return string([b"cannot find password template ", kind].concat());
    };
    let named = |name: &[u8]| [SEED, &(name.len() as u32).to_be_bytes(), name].concat();
    let wrong = |error: &dyn std::fmt::Display| Error(format!("failed to derive password: {error}"));
    let cost = scrypt::Params::new(15, 8, 2, 64).map_err(|error| wrong(&error))?;
    let mut key = [0; 64];
    scrypt::scrypt(password, &named(user), &cost, &mut key).map_err(|error| wrong(&error))?;
    let mut seed = Hmac::<Sha256>::new_from_slice(&key).map_err(|error| wrong(&error))?;
    seed.update(&named(site));
    seed.update(&counter.to_be_bytes());
    let seed = seed.finalize().into_bytes();
    let shape = shapes[usize::from(seed[0]) % shapes.len()];
    let pick = |(sign, seed): (u8, &u8)| {
        let all = characters(sign);
        all[usize::from(*seed) % all.len()]
    };
    string(shape.bytes().zip(&seed[1..]).map(pick).collect::<Vec<u8>>())
}

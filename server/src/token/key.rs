//! Keys: a shared secret, or an RSA or Ed25519 key in PEM. The key fixes the algorithm, whatever a token says.

use std::{fs, path::Path};

use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey,
    jwk::{AlgorithmParameters, Jwk},
};

/// Shortest shared secret, in bytes: as long as what HS256 makes (RFC 7518 §3.2).
pub(crate) const SECRET_BYTES_MIN: usize = 32;
/// Largest key file, in bytes; an RSA key of 8192 bits takes a tenth of it.
const FILE_BYTES_MAX: u64 = 64 * 1024;
/// Base64 digits of the shortest RSA modulus that is verified with, 2048 bits (RFC 7518 §3.3).
const RSA_DIGITS_MIN: usize = 342;
/// …and of the longest, 8192 bits.
const RSA_DIGITS_MAX: usize = 1_366;

/// What tokens are verified with.
#[derive(Debug)]
pub(crate) struct VerifyingKey {
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

impl VerifyingKey {
    /// A shared secret, for HS256.
    ///
    /// # Errors
    /// It is shorter than [`SECRET_BYTES_MIN`].
    pub(crate) fn from_secret(secret: &[u8]) -> Result<Self, String> {
        let key = DecodingKey::from_secret(long_enough(secret)?);
        Ok(Self { algorithm: Algorithm::HS256, key })
    }

    /// A public key in PEM: RSA for RS256, Ed25519 for EdDSA.
    ///
    /// # Errors
    /// It is none of these, or an RSA key that is too short or too long.
    pub(crate) fn from_pem(pem: &[u8]) -> Result<Self, String> {
        if contains(pem, "PRIVATE KEY-----") {
            return Err("holds a private key: give the public one (openssl pkey -pubout)".to_owned());
        }
        if !contains(pem, "PUBLIC KEY-----") {
            return Err("holds no public key in PEM".to_owned());
        }
        if let Ok(key) = DecodingKey::from_ed_pem(pem) {
            return Ok(Self { algorithm: Algorithm::EdDSA, key });
        }
        let key = DecodingKey::from_rsa_pem(pem).map_err(|_| NEITHER.to_owned())?;
        match Jwk::from_decoding_key(&key, None).map(|jwk| jwk.algorithm) {
            Ok(AlgorithmParameters::RSA(rsa)) if (RSA_DIGITS_MIN..=RSA_DIGITS_MAX).contains(&rsa.n.len()) => {
                Ok(Self { algorithm: Algorithm::RS256, key })
            }
            Ok(AlgorithmParameters::RSA(_)) => Err("must have 2048 to 8192 bits".to_owned()),
            _ => Err("holds an RSA key that cannot be read".to_owned()),
        }
    }
}

/// What tokens are made with.
pub(crate) struct SigningKey {
    pub(super) algorithm: Algorithm,
    pub(super) key: EncodingKey,
}

impl SigningKey {
    /// A private key in PEM, RSA or Ed25519; anything else is a shared secret.
    ///
    /// # Errors
    /// PEM that is no such key, or a secret that is too short.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        if !contains(bytes, "-----BEGIN ") {
            let key = EncodingKey::from_secret(long_enough(bytes)?);
            return Ok(Self { algorithm: Algorithm::HS256, key });
        }
        if !contains(bytes, "PRIVATE KEY-----") {
            return Err("holds no private key: tokens are made with the private one".to_owned());
        }
        if let Ok(key) = EncodingKey::from_ed_pem(bytes) {
            return Ok(Self { algorithm: Algorithm::EdDSA, key });
        }
        let key = EncodingKey::from_rsa_pem(bytes).map_err(|_| NEITHER.to_owned())?;
        Ok(Self { algorithm: Algorithm::RS256, key })
    }
}

const NEITHER: &str = "holds neither an RSA nor an Ed25519 key in PEM";

/// Reads a key file, without the line end that editors put behind a secret.
///
/// # Errors
/// One line that names the file, never what is in it.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let file = path.display();
    let cannot = |error| format!("cannot read {file}: {error}");
    if fs::metadata(path).map_err(cannot)?.len() > FILE_BYTES_MAX {
        return Err(format!("{file} is larger than any key"));
    }
    let mut bytes = fs::read(path).map_err(cannot)?;
    while bytes.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
        bytes.pop();
    }
    Ok(bytes)
}

fn long_enough(secret: &[u8]) -> Result<&[u8], String> {
    if secret.len() >= SECRET_BYTES_MIN {
        return Ok(secret);
    }
    Err(format!("must hold at least {SECRET_BYTES_MIN} bytes, as from openssl rand -base64 32"))
}

fn contains(text: &[u8], part: &str) -> bool {
    text.windows(part.len()).any(|window| window == part.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_cannot_work_is_refused_when_it_is_read() {
        let verifying = |bytes: &[u8]| VerifyingKey::from_pem(bytes).unwrap_err();
        assert!(verifying(include_bytes!("../../test-keys/rsa.private.pem")).contains("private key"));
        assert!(
            verifying(include_bytes!("../../test-keys/rsa-1024.public.pem")).contains("2048 to 8192 bits")
        );
        assert_eq!(verifying(include_bytes!("../../test-keys/ec.public.pem")), NEITHER);
        assert_eq!(verifying(b"what is this?"), "holds no public key in PEM");
        let broken = b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
        assert_eq!(verifying(broken), NEITHER);
        assert!(VerifyingKey::from_secret(&[7; SECRET_BYTES_MIN - 1]).unwrap_err().contains("32 bytes"));
        assert!(SigningKey::read(&[7; SECRET_BYTES_MIN - 1]).is_err_and(|why| why.contains("32 bytes")));
        let public = include_bytes!("../../test-keys/rsa.public.pem");
        assert!(SigningKey::read(public).is_err_and(|why| why.contains("no private key")));
    }

    #[test]
    fn a_file_that_is_not_there_is_one_line() {
        let problem = read_file(Path::new("no/such/key.pem")).unwrap_err();
        assert!(problem.starts_with("cannot read no/such/key.pem: ") && !problem.contains('\n'), "{problem}");
    }
}

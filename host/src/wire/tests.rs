use super::*;
use std::io::{Cursor, Seek, SeekFrom, Write};
use std::os::unix::net::UnixStream;
use std::thread;

fn content() -> Vec<u8> {
    (0..9_000_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// Runs `work` against a server of `content`; gives what was served.
fn with<T: Send>(
    content: &[u8],
    work: impl FnOnce(RemoteFile<UnixStream, UnixStream>) -> T + Send,
) -> (T, Result<Served, WireError>) {
    let (here, there) = UnixStream::pair().unwrap();
    thread::scope(|scope| {
        let served = scope.spawn(|| {
            let input = there.try_clone().unwrap();
            serve(Cursor::new(content), "hello", input, there)
        });
        let remote = RemoteFile::open(here.try_clone().unwrap(), here).unwrap();
        let done = work(remote);
        (done, served.join().unwrap())
    })
}

#[test]
fn a_remote_file_is_the_file() {
    let content = content();
    let ((), served) = with(&content, |mut remote| {
        assert_eq!(remote.said(), "hello");
        let mut all = Vec::new();
        remote.read_to_end(&mut all).unwrap();
        assert!(all == content);
        for (at, size) in [(0, 1), (5_000_000, 70_000), (8_999_999, 1), (4_999_990, 20), (4_999_999, 1 << 20)]
        {
            let mut part = vec![0; size];
            assert_eq!(remote.seek(SeekFrom::Start(at as u64)).unwrap(), at as u64);
            remote.read_exact(&mut part).unwrap();
            assert!(part == content[at..at + size], "{at}");
        }
        assert_eq!(remote.seek(SeekFrom::End(-5)).unwrap(), 8_999_995);
        assert_eq!(remote.seek(SeekFrom::Current(-5)).unwrap(), 8_999_990);
        assert!(remote.seek(SeekFrom::End(-9_000_001)).is_err());
        remote.seek(SeekFrom::End(10)).unwrap();
        assert_eq!(remote.read(&mut [0; 8]).unwrap(), 0);
        remote.end("well").unwrap();
    });
    assert_eq!(served.unwrap().result, "well");
}

#[test]
fn whoever_jumps_does_not_pay_for_what_lies_between() {
    let content = content();
    let (read, served) = with(&content, |mut remote| {
        let mut part = [0; 1000];
        for at in (0..9_000_000).step_by(1_000_000) {
            remote.seek(SeekFrom::Start(at)).unwrap();
            remote.read_exact(&mut part).unwrap();
        }
        // A small step is not a jump.
        remote.seek(SeekFrom::Current(500)).unwrap();
        remote.read_exact(&mut part).unwrap();
        assert!(part == content[8_001_500..8_002_500]);
        let received = remote.received();
        remote.end("").unwrap();
        received
    });
    assert!(read <= 9 * 17_000, "{read}");
    assert!(served.unwrap().bytes <= 9 * 17_000);
}

#[test]
fn several_questions_are_under_way_at_once() {
    /// Answers only when it was asked often enough.
    struct Slow<'f>(Cursor<&'f [u8]>);
    let content = content();
    let (mut here, there) = UnixStream::pair().unwrap();
    let mut slow = Slow(Cursor::new(&content));
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut remote = RemoteFile::open(there.try_clone().unwrap(), &there).unwrap();
            let mut all = vec![0; 3 << 20];
            remote.read_exact(&mut all).unwrap();
            assert!(all == content[..3 << 20]);
        });
        let greeting =
            [MAGIC.as_slice(), &VERSION.to_le_bytes(), &9_000_000_u64.to_le_bytes(), &[0; 4]].concat();
        here.write_all(&greeting).unwrap();
        let mut questions = vec![[0; 13]; 12];
        for question in &mut questions {
            here.read_exact(question).unwrap();
        }
        for question in &questions {
            let at = u64::from_le_bytes(question[1..9].try_into().unwrap());
            let mut part = vec![0; u32::from_le_bytes(question[9..].try_into().unwrap()) as usize];
            slow.0.seek(SeekFrom::Start(at)).unwrap();
            slow.0.read_exact(&mut part).unwrap();
            here.write_all(question).unwrap();
            here.write_all(&part).unwrap();
        }
        reader.join().unwrap();
    });
}

/// What the reader makes of these bytes.
fn told(bytes: &[u8]) -> WireError {
    let mut remote = match RemoteFile::open(bytes, std::io::sink()) {
        Ok(remote) => remote,
        Err(error) => return error,
    };
    let error = remote.read(&mut [0; 100]).unwrap_err();
    // It stays broken.
    assert!(remote.read(&mut [0; 1]).is_err() && remote.seek(SeekFrom::Start(50)).is_err());
    *error.into_inner().unwrap().downcast::<WireError>().unwrap()
}

#[test]
fn a_reader_believes_nothing() {
    let greeting =
        |size: u64| [MAGIC.as_slice(), &1_u32.to_le_bytes(), &size.to_le_bytes(), &[0; 4]].concat();
    let answer = |at: u64, length: u32, bytes: usize| {
        let head = [[READ].as_slice(), &at.to_le_bytes(), &length.to_le_bytes()].concat();
        [greeting(100), head, vec![7; bytes]].concat()
    };
    let hostile = |bytes: &[u8]| assert!(matches!(told(bytes), WireError::Hostile(_)), "{bytes:?}");
    let ended = |bytes: &[u8]| {
        let error = told(bytes);
        assert!(matches!(error, WireError::Ended) && error.code() == "E0670", "{error}");
    };
    hostile(&answer(0, 99, 99));
    hostile(&answer(0, 101, 101));
    hostile(&answer(0, u32::MAX, 0));
    hostile(&answer(1, 100, 100));
    hostile(&[greeting(100), vec![9; 200]].concat());
    for cut in [0, 5, 20, greeting(100).len(), greeting(100).len() + 7, greeting(100).len() + 63] {
        ended(&answer(0, 100, 100)[..cut]);
    }
    let refused = [greeting(100), framed(Some(FAILED), "no such sector").unwrap()].concat();
    assert_eq!(told(&refused).to_string(), "the other side cannot read the file: no such sector");
    assert!(matches!(told(b"Welcome to Debian!"), WireError::Foreign(it) if it == "Welcome to D"));
    let mut newer = greeting(100);
    newer[12] = 2;
    assert!(matches!(told(&newer), WireError::Version(2)));
    let mut long = greeting(100);
    long[24..28].copy_from_slice(&u32::MAX.to_le_bytes());
    hostile(&long);
    long[24..28].copy_from_slice(&3_u32.to_le_bytes());
    hostile(&[long, vec![0xff; 3]].concat());
}

/// What a server of ten bytes makes of these questions.
fn asked(questions: &[u8]) -> Result<Served, WireError> {
    serve(Cursor::new(b"0123456789"), "", questions, std::io::sink())
}

#[test]
fn a_server_gives_what_the_file_has_and_no_more() {
    let ask = |at: u64, length: u32| [[READ].as_slice(), &at.to_le_bytes(), &length.to_le_bytes()].concat();
    let end = framed(Some(END), "done").unwrap();
    assert_eq!(asked(&[ask(0, 10), ask(9, 1), end.clone()].concat()).unwrap().bytes, 11);
    for (at, length) in [(0, 11), (10, 1), (u64::MAX, 1), (u64::MAX, u32::MAX), (0, LONGEST + 1)] {
        assert!(matches!(asked(&ask(at, length)), Err(WireError::Hostile(_))), "{at} {length}");
    }
    assert!(matches!(asked(&[7]), Err(WireError::Hostile(_))));
    assert!(matches!(asked(&ask(0, 1)), Err(WireError::Ended)));
    assert!(matches!(asked(&[]), Err(WireError::Ended)));
    let long = [[END].as_slice(), &u32::MAX.to_le_bytes()].concat();
    assert!(matches!(asked(&long), Err(WireError::Hostile(_))));
}

#[test]
fn a_file_that_fails_is_told_to_both() {
    struct Bad;
    impl Read for Bad {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("no such sector"))
        }
    }
    impl Seek for Bad {
        fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
            Ok(100)
        }
    }
    let (here, there) = UnixStream::pair().unwrap();
    thread::scope(|scope| {
        let served = scope.spawn(|| serve(Bad, "", there.try_clone().unwrap(), &there).unwrap_err());
        let mut remote = RemoteFile::open(here.try_clone().unwrap(), &here).unwrap();
        let error = remote.read(&mut [0; 10]).unwrap_err();
        assert!(error.to_string().contains("no such sector"), "{error}");
        assert!(matches!(served.join().unwrap(), WireError::File(_)));
    });
}

//! What strangers could send: depth, aliases, size.

use std::fmt::Write as _;

use gabion_yaml::{Data, DumpError, Emitter, LoadError, MAX_DEPTH, Node, Style, documents, dump, load};

/// Runs in a thread with the stack that threads get where nobody says how much.
fn in_a_small_stack(work: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(2 << 20).spawn(work).unwrap().join().unwrap();
}

fn message(text: &str) -> String {
    load(text).unwrap_err().to_string()
}

#[test]
fn depth_is_bounded_and_what_is_allowed_fits_a_small_stack() {
    in_a_small_stack(|| {
        let flow = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let maps = |depth| format!("{}1{}", "{a: ".repeat(depth), "}".repeat(depth));
        let shapes: [&dyn Fn(usize) -> String; 3] = [&flow, &maps, &|depth| "- ".repeat(depth) + "a"];
        for shape in shapes {
            let node = load(&shape(MAX_DEPTH)).unwrap();
            let copy = node.clone();
            assert!(copy == node && dump(&node).unwrap().len() > MAX_DEPTH);
            drop(copy);
            assert!(message(&shape(MAX_DEPTH + 1)).contains("exceeded max depth"));
            assert!(message(&shape(1_000_000)).contains("exceeded max depth"));
        }
    });
}

#[test]
fn a_chain_of_aliases_is_no_way_around_the_depth() {
    in_a_small_stack(|| {
        let brackets = |inner: &str| format!("{}{inner}{}", "[".repeat(300), "]".repeat(300));
        let text = format!("a: &a {}\nb: &b {}\n", brackets("x"), brackets("*a"));
        assert!(matches!(load(&text).unwrap_err(), LoadError::Depth { .. }));
        let mut merges = "- &a0 {k: 0}\n".to_owned();
        for number in 1..50_000 {
            writeln!(merges, "- &a{number} {{<<: *a{}}}", number - 1).unwrap();
        }
        // Go counts how much comes from aliases, and so do we, before the depth is reached or after.
        assert!(load(&merges).is_err());
    });
}

#[test]
fn a_value_that_holds_itself_ends() {
    fn forever(emitter: &mut Emitter) -> Result<(), DumpError> {
        emitter.begin_map(false)?;
        emitter.key("self");
        forever(emitter)
    }
    assert_eq!(forever(&mut Emitter::new(Style::Helm)), Err(DumpError::Depth));
    assert_eq!(forever(&mut Emitter::new(Style::Pretty)), Err(DumpError::Depth));
}

#[test]
fn aliases_of_aliases_end_in_time() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..20 {
        let again = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(text, "a{level}: &a{level} [{again}]").unwrap();
    }
    assert_eq!(message(&text), "error converting YAML to JSON: yaml: document contains excessive aliasing");
    let maps =
        text.replace(": &", ": &m").replace("*a", "*ma").replace('[', "[{k: ").replace(", *", "}, {k: *");
    assert!(load(&maps).is_err());
}

#[test]
fn large_values_are_read_whole() {
    const SIZE: usize = 4_000_000;
    let word = "x".repeat(SIZE);
    let words = "word ".repeat(SIZE / 5);
    let lines = "  line\n".repeat(SIZE / 7);
    let keys = (0..SIZE / 40).fold(String::new(), |mut keys, it| {
        writeln!(keys, "key-{it}: {{a: 'b', c: [1]}}").unwrap();
        keys
    });
    let length = |text: String| load(&text).unwrap().get("a").unwrap().as_str().unwrap().len();
    assert_eq!(length(format!("a: {word}\n")), SIZE);
    assert_eq!(length(format!("a: \"{word}\"\n")), SIZE);
    assert_eq!(length(format!("a: {words}\n")), SIZE - 1);
    assert_eq!(length(format!("a: '{words}'\n")), SIZE);
    assert_eq!(length(format!("a: |\n{lines}")), lines.len() / 7 * 5);
    assert_eq!(length(format!("a:\n{lines}")), lines.len() / 7 * 5 - 1);
    assert_eq!(length(format!("{{\"a\": \"{}\"}}", "\\n".repeat(SIZE / 2))), SIZE / 2);
    let Data::Map(map) = load(&keys).unwrap().data else { panic!("no map") };
    assert_eq!(map.len(), SIZE / 40);
    let node = Node::from(Data::Map(map));
    assert_eq!(load(&dump(&node).unwrap()).unwrap().get("key-1").unwrap().get("c").unwrap().at.line, 8);
    assert_eq!(documents(&"a: 1\n---\n".repeat(100_000)).unwrap().len(), 100_000);
}

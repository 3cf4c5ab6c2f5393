//! Renders a chart of a folder again and again, for benchmarks: `render FOLDER TIMES [untraced]`. Prints the nanoseconds of
//! each time, of reading the chart and of rendering it, as JSON.

use gabion_helm::{ChartTree, Inputs, KubeVersion, Limits, render};
use std::path::Path;
use std::time::Instant;

type Files = Vec<(String, Vec<u8>)>;

fn files(root: &Path, folder: &Path, out: &mut Files) {
    for entry in fs_err::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(root, &path, out);
        } else {
            let name = path.strip_prefix(root).expect("it is below").to_str().expect("UTF-8").to_owned();
            out.push((name, fs_err::read(&path).expect("a file")));
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let (root, times) = (Path::new(&arguments[1]), arguments[2].parse::<usize>().expect("a number"));
    let mut found = Vec::new();
    files(root, root, &mut found);
    let (mut load, mut rendered) = (Vec::new(), Vec::new());
    for _ in 0..times {
        let own = found.clone();
        let start = Instant::now();
        let chart = ChartTree::from_folder(own, &Limits::default()).expect("a chart");
        load.push(start.elapsed().as_nanos());
        let kube = KubeVersion::parse("v1.33.4+k3s1").expect("a version");
        let mut inputs = Inputs::new("kps", "monitoring", kube);
        inputs.trace = arguments.get(3).is_none_or(|it| it != "untraced");
        let start = Instant::now();
        let made = render(&chart, &inputs).expect("documents");
        rendered.push(start.elapsed().as_nanos());
        assert!(made.documents.len() > 85, "{} documents", made.documents.len());
    }
    let list = |all: &[u128]| all.iter().map(u128::to_string).collect::<Vec<_>>().join(",");
    #[expect(clippy::print_stdout, reason = "this is what it is for")]
    {
        println!("{{\"load\":[{}],\"render\":[{}]}}", list(&load), list(&rendered));
    }
}

//! Writes the large chart into a folder, for benchmarks: `operator_chart FOLDER`.

fn main() {
    let folder = std::path::PathBuf::from(std::env::args_os().nth(1).expect("a folder"));
    for (name, text) in gabion_testkit::operator_chart() {
        let path = folder.join(name);
        fs_err::create_dir_all(path.parent().expect("it is below the folder")).expect("a folder");
        fs_err::write(path, text).expect("a file");
    }
}

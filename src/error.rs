//! What every error of the program has in common.

/// An error and its sources in one line; a source whose text its parent already holds is left out.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = error.source();
    }
    text
}

/// One of several errors, with its code and its help below it.
pub fn told(code: &str, error: &dyn std::error::Error, help: Option<String>) -> String {
    let help = help.map_or_else(String::new, |help| format!("\n  {}", help.replace('\n', "\n  ")));
    format!("[{code}] {}{help}", chain(error))
}

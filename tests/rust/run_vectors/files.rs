//! A folder of vectors.

use serde_json::Value;
use std::path::Path;

pub fn read(path: &Path) -> Result<Value, String> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
    serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))
}

/// The files of a folder: those of its index, or all `.json` files when it has none.
pub fn files(folder: &Path) -> Result<Vec<String>, String> {
    let index = folder.join("index.json");
    if index.exists() {
        let index = read(&index)?;
        let files = index["files"].as_array().or(index.as_array()).ok_or("index.json lists no files")?;
        return Ok(files.iter().filter_map(|f| f.as_str().map(str::to_owned)).collect());
    }
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(|e| e.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".json") && name != "schema.json")
        .collect();
    names.sort();
    Ok(names)
}

//! Which files of a folder that was dropped are the model's.

/// Folders of a model directory whose files belong to the model: a classifier's parts, and the pooling of
/// sentence-transformers.
const MODEL_FOLDERS: [&str; 2] = ["parts/", "1_Pooling/"];

/// The name that a file has inside the model directory `folder`, where it is one of the model's: those of its own folder and
/// of its parts.
pub fn name_in_model<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    let name = path.strip_prefix(folder)?;
    let plain = MODEL_FOLDERS.iter().find_map(|folder| name.strip_prefix(folder)).unwrap_or(name);
    (!plain.contains('/')).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_directory_brings_its_parts_and_no_checkpoints() {
        let check = |path, expected| assert_eq!(name_in_model(path, "runs/labels/"), expected, "{path}");
        check("runs/labels/config.json", Some("config.json"));
        check("runs/labels/parts/linear.safetensors", Some("parts/linear.safetensors"));
        check("runs/labels/1_Pooling/config.json", Some("1_Pooling/config.json"));
        check("runs/labels/checkpoints/step-9/model.safetensors", None);
        check("runs/labels/parts/other/linear.safetensors", None);
        check("runs/words/config.json", None);
    }
}

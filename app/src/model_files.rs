//! Which files of a folder that was dropped are the model's.

/// Files that make a folder a model's; the engine says which of them it does not read.
pub const WEIGHTS: [&str; 9] = [
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
    "tf_model.h5",
    "flax_model.msgpack",
    "model.onnx",
    "adapter_config.json",
    "bert_model.ckpt.index",
];

/// Folders of a model directory whose files belong to the model: a classifier's parts, and the pooling of
/// sentence-transformers.
const MODEL_FOLDERS: [&str; 2] = ["parts/", "1_Pooling/"];

/// The folder of a model, with its `/`, among the files `names`: the highest one with weights, since a directory of
/// sentence-transformers may hold those of further modules in folders of its own.
pub fn model_folder<'a>(names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let folder_of = |name: &'a str| {
        let (folder, file) = name.split_at(name.rfind('/').map_or(0, |slash| slash + 1));
        WEIGHTS.contains(&file).then_some(folder)
    };
    names
        .filter_map(folder_of)
        .min_by_key(|folder| folder.len())
}

/// The name that a file has inside the model directory `folder`, where it is one of the model's: those of its own folder and
/// of its parts.
pub fn name_in_model<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    let name = path.strip_prefix(folder)?;
    let plain = MODEL_FOLDERS
        .iter()
        .find_map(|folder| name.strip_prefix(folder))
        .unwrap_or(name);
    (!plain.contains('/')).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_any_form_make_a_model() {
        let check = |names: &[&str], expected| {
            assert_eq!(model_folder(names.iter().copied()), expected, "{names:?}")
        };
        check(
            &[
                "m/config.json",
                "m/model.safetensors",
                "m/2_Dense/model.safetensors",
            ],
            Some("m/"),
        );
        check(&["config.json", "pytorch_model.bin"], Some(""));
        check(
            &["m/adapter_model.safetensors", "m/adapter_config.json"],
            Some("m/"),
        );
        check(&["texts/a.txt", "texts/config.json"], None);
    }

    #[test]
    fn a_model_directory_brings_its_parts_and_no_checkpoints() {
        let check =
            |path, expected| assert_eq!(name_in_model(path, "runs/labels/"), expected, "{path}");
        check("runs/labels/config.json", Some("config.json"));
        check(
            "runs/labels/parts/linear.safetensors",
            Some("parts/linear.safetensors"),
        );
        check(
            "runs/labels/1_Pooling/config.json",
            Some("1_Pooling/config.json"),
        );
        check("runs/labels/checkpoints/step-9/model.safetensors", None);
        check("runs/labels/parts/other/linear.safetensors", None);
        check("runs/words/config.json", None);
    }
}

//! Selects the files of a model from a dropped folder.

/// File names that identify a model folder; the engine reports those that it does not support.
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

/// Subfolders that belong to a model directory: the parts of a classifier, and the pooling of
/// sentence-transformers.
const MODEL_FOLDERS: [&str; 2] = ["parts/", "1_Pooling/"];

/// Returns the folder of a model, including the trailing `/`, among the files `names`: the topmost
/// one with weights, since a sentence-transformers directory may contain weights of further modules
/// in subfolders. The weights of a run that was interrupted may be in its checkpoints alone.
pub fn model_folder<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let has_state = |folder: &str| {
        names
            .clone()
            .any(|name| name.strip_prefix(folder) == Some(STATE))
    };
    let folder_of = |name: &'a str| {
        let (folder, file) = name.split_at(name.rfind('/').map_or(0, |slash| slash + 1));
        let run = match folder.rfind(CHECKPOINTS) {
            Some(at) if (at == 0 || folder[..at].ends_with('/')) && has_state(folder) => {
                &folder[..at]
            }
            _ => folder,
        };
        WEIGHTS.contains(&file).then_some(run)
    };
    names
        .clone()
        .filter_map(folder_of)
        .min_by_key(|folder| folder.len())
}

/// Folder with the checkpoints of a run, each in a folder of its own, and a file that each has.
const CHECKPOINTS: &str = "checkpoints/";
const STATE: &str = "state.json";

/// Returns the path of a file relative to the model directory `folder`, if it belongs to the model or
/// to a checkpoint of its run: files directly in the folder, in its parts and in its checkpoints.
pub fn name_in_model<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    let name = path.strip_prefix(folder)?;
    if let Some(inside) = name.strip_prefix(CHECKPOINTS) {
        return (inside.matches('/').count() == 1).then_some(name);
    }
    let relative = MODEL_FOLDERS
        .iter()
        .find_map(|folder| name.strip_prefix(folder))
        .unwrap_or(name);
    (!relative.contains('/')).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_weights_file_marks_a_model_folder() {
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
        let checkpoint = [
            "run/checkpoints/step-9/state.json",
            "run/checkpoints/step-9/model.safetensors",
        ];
        check(&checkpoint, Some("run/"));
        // Another program's checkpoint is a model of its own.
        check(&checkpoint[1..], Some("run/checkpoints/step-9/"));
    }

    #[test]
    fn model_files_include_parts_and_checkpoints() {
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
        check(
            "runs/labels/checkpoints/step-9/state.json",
            Some("checkpoints/step-9/state.json"),
        );
        check("runs/labels/checkpoints/step-9/old/state.json", None);
        check("runs/labels/parts/other/linear.safetensors", None);
        check("runs/words/config.json", None);
    }
}

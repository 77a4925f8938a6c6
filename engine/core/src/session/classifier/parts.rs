//! A model with all parts of its classifier: prediction, reading and writing. The user sees one
//! model; all predictions go through [`LoadedModel::scores`].

use crate::data::Document;
use crate::data::examples::Batch;
use crate::error::{Error, Result};
use crate::interop::{
    self, ClassifierFile, InteropError, LINEAR_FILE, LinearHeader, LinearTensors, network_file,
};
use crate::linear::Linear;
use crate::model::{ModelConfig, ParamTensors, ProblemType};
use crate::session::checks::finite;
use crate::session::classifier::ensemble::{
    DocumentScores, DocumentVectors, Ensemble, LinearPart, plain,
};
use crate::session::classifier::scored::HeldOut;
use crate::session::host::ModelFiles;
use crate::session::loaded_model::{LoadedModel, groups_of, weights_of};
use crate::session::read::read;
use crate::session::read::read_groups;
use crate::train::{DeviceBatch, Logits, classify};
use burn::tensor::Device;
use protocol::message;
use std::rc::Rc;

impl LoadedModel {
    /// Returns the parameters of each network.
    pub(crate) fn networks(&self, device: &Device) -> Vec<ParamTensors> {
        let others = self.ensemble.iter().flat_map(|ensemble| &ensemble.networks);
        std::iter::once(&self.groups)
            .chain(others)
            .map(|groups| self.layout.params(groups, device))
            .collect()
    }

    /// Computes the scores of the documents of one batch; `networks` come from [`Self::networks`].
    ///
    /// # Errors
    /// Returns an error if the device is lost.
    pub(crate) async fn scores(
        &self,
        networks: &[ParamTensors],
        batch: &Batch,
        documents: &[Document],
        device: &Device,
    ) -> Result<Vec<DocumentScores>> {
        let problem = self
            .config
            .problem_type
            .unwrap_or(ProblemType::MultiLabelClassification);
        let batch = DeviceBatch::upload(batch, &self.config, device);
        let mut parts: Vec<Logits> = Vec::new();
        for params in networks {
            let logits = read(classify(&self.config, params, &batch)).await?;
            parts.push(
                logits
                    .chunks(self.config.labels.len())
                    .take(documents.len())
                    .map(<[f32]>::to_vec)
                    .collect(),
            );
        }
        let Some(ensemble) = &self.ensemble else {
            let alone = plain(&parts[0], problem).into_iter();
            return Ok(alone
                .map(|probabilities| DocumentScores {
                    probabilities,
                    raw: None,
                })
                .collect());
        };
        parts.extend(
            ensemble
                .linear
                .as_ref()
                .map(|linear| linear.margins(Some(&self.tokenizer), documents)),
        );
        let of_document = |index: usize| {
            let outputs: Vec<&[f32]> = parts.iter().map(|part| part[index].as_slice()).collect();
            let probabilities = ensemble.fusion.probabilities(&outputs, problem);
            DocumentScores {
                probabilities,
                raw: Some(ensemble.fusion.raw(&outputs, problem)),
            }
        };
        Ok((0..documents.len()).map(of_document).collect())
    }

    /// Computes the probabilities of all held-out documents; `None` if `should_continue`, called
    /// between batches, returned `false`.
    ///
    /// # Errors
    /// Returns an error if the device is lost.
    pub(crate) async fn probabilities_of(
        &self,
        held_out: &HeldOut,
        device: &Device,
        should_continue: &mut impl AsyncFnMut() -> Result<bool>,
    ) -> Result<Option<Vec<Vec<f64>>>> {
        let problem = self
            .config
            .problem_type
            .unwrap_or(ProblemType::MultiLabelClassification);
        let mut parts: Vec<Logits> = Vec::new();
        for params in self.networks(device) {
            match held_out
                .logits(&self.config, &params, device, should_continue)
                .await?
            {
                Some(logits) => parts.push(logits),
                None => return Ok(None),
            }
        }
        let parts: Vec<&Logits> = parts.iter().chain(&held_out.margins).collect();
        let probabilities = match &self.ensemble {
            None => plain(parts[0], problem),
            Some(ensemble) => ensemble.probabilities(&parts, problem),
        };
        probabilities
            .into_iter()
            .map(finite)
            .collect::<Result<_>>()
            .map(Some)
    }

    /// Returns the files of the parts besides the first network; empty if there are none.
    ///
    /// # Errors
    /// Returns an error if the device is lost.
    pub(crate) async fn part_files(&self) -> Result<ModelFiles> {
        let Some(ensemble) = &self.ensemble else {
            return Ok(Vec::new());
        };
        let mut files = ModelFiles::new();
        for (index, groups) in ensemble.networks.iter().enumerate() {
            let weights = weights_of(&self.layout, &read_groups(groups).await?);
            files.push((network_file(index + 1), interop::weights_to_bytes(&weights)));
        }
        let mut header = None;
        if let Some(LinearPart { linear, vectors }) = &ensemble.linear {
            let vectors = vectors
                .as_ref()
                .map_or_else(Vec::new, |vectors| vectors.values.clone());
            let part = LinearTensors {
                data: linear.data(),
                vectors,
            };
            header = Some(LinearHeader::of(&part));
            files.push((LINEAR_FILE.into(), interop::linear_to_bytes(&part)));
        }
        let networks = 1 + ensemble.networks.len();
        let mut file = ClassifierFile::new(
            networks,
            header,
            ensemble.fusion.clone(),
            ensemble.shares.clone(),
        );
        let ModelConfig {
            threshold,
            threshold_scales,
            thresholds,
            ..
        } = self.config.clone();
        (file.threshold, file.threshold_scales, file.thresholds) =
            (threshold, threshold_scales, thresholds);
        file.cross_validated = ensemble.cross_validated;
        files.push((interop::CLASSIFIER_FILE.into(), file.to_json()));
        Ok(files)
    }

    /// Loads the parts that `classifier.json` lists, if there is one.
    ///
    /// # Errors
    /// Returns an error if a part is missing or damaged, or does not fit the model.
    pub(crate) fn read_parts(
        &mut self,
        file: &dyn Fn(&str) -> Option<Vec<u8>>,
        device: &Device,
    ) -> Result<()> {
        let Some(bytes) = file(interop::CLASSIFIER_FILE).filter(|_| self.heads.classifier) else {
            return Ok(());
        };
        let classes = self.config.labels.len();
        let header = ClassifierFile::from_json(&bytes, classes)?;
        // Files that were dropped one by one have lost their folder names.
        let part = |name: &str| {
            let plain = name.rsplit('/').next().unwrap_or(name);
            file(name)
                .or_else(|| file(plain))
                .ok_or_else(|| missing_part(name))
        };
        let mut networks = Vec::new();
        for index in 1..header.networks {
            let name = network_file(index);
            let weights = interop::weights_from_bytes(&part(&name)?)?;
            let groups = groups_of(&self.layout, &weights, device);
            networks.push(groups.ok_or_else(|| InteropError::Classifier {
                reason: message!("{name} belongs to a different model", name),
            })?);
        }
        let linear = match header.linear {
            None => None,
            Some(linear) => Some(read_linear(&part(LINEAR_FILE)?, linear, &self.config)?),
        };
        let alone = (self.config.threshold, self.config.thresholds.clone());
        self.config.threshold = header.threshold;
        self.config.threshold_scales = header.threshold_scales;
        self.config.thresholds = header.thresholds;
        let (fusion, shares, cross_validated) =
            (header.fusion, header.shares, header.cross_validated);
        self.ensemble = Some(Rc::new(Ensemble {
            networks,
            linear,
            fusion,
            shares,
            alone,
            out_of_fold: None,
            cross_validated,
        }));
        Ok(())
    }
}

fn read_linear(bytes: &[u8], header: LinearHeader, config: &ModelConfig) -> Result<LinearPart> {
    let LinearTensors {
        data,
        vectors: values,
    } = interop::linear_from_bytes(bytes, header, config.labels.len(), config.vocab_size)?;
    let width = data.dense;
    let vectors = (width > 0).then(|| Rc::new(DocumentVectors { width, values }));
    Ok(LinearPart {
        linear: Linear::from_data(data),
        vectors,
    })
}

fn missing_part(name: &str) -> Error {
    Error::input(
        "not-a-model",
        message!(
            "{name} is missing, but {file} refers to it",
            name,
            file = interop::CLASSIFIER_FILE
        ),
        message!("Provide the whole directory, including the folder parts/."),
    )
}

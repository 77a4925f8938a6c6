"""Configuration classes of Clozelab's own models, for Hugging Face transformers.

A `bert-*` model does not need them: its directory is that of a BertModel.
"""

from transformers import PretrainedConfig


class ClozelabConfig(PretrainedConfig):
    """Base configuration of Clozelab's own backbones. Names are BertConfig's where possible."""

    def __init__(
        self,
        vocab_size=8000,
        hidden_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=512,
        max_position_embeddings=64,
        type_vocab_size=1,
        layer_norm_eps=1e-12,
        hidden_dropout_prob=0.1,
        attention_probs_dropout_prob=0.0,
        initializer_range=0.06,
        pad_token_id=0,
        threshold=None,
        thresholds=None,
        **others,
    ):
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.intermediate_size = intermediate_size
        self.max_position_embeddings = max_position_embeddings
        self.type_vocab_size = type_vocab_size
        self.layer_norm_eps = layer_norm_eps
        self.hidden_dropout_prob = hidden_dropout_prob
        self.attention_probs_dropout_prob = attention_probs_dropout_prob
        self.initializer_range = initializer_range
        # Decision thresholds of a multi-label classifier: a common one, and one per label.
        self.threshold = threshold
        self.thresholds = thresholds
        # A pipeline loads a tokenizer only if this is set; tokenizer_config.json has its class.
        others.setdefault("tokenizer_class", "PreTrainedTokenizerFast")
        # The masked LM uses the embedding table as its decoder, so there are no two tensors to tie.
        super().__init__(pad_token_id=pad_token_id, **{**others, "tie_word_embeddings": False})


class ClozelabFastConfig(ClozelabConfig):
    """Pre-norm Transformer with rotary positions and a convolution before each block."""

    model_type = "clozelab-fast"


class ClozelabTextCnnConfig(ClozelabConfig):
    """Parallel convolutions (Kim 2014) with a feature vector per position."""

    model_type = "clozelab-textcnn"

    def __init__(self, filter_sizes=(2, 3, 4, 5), num_filters=128, **others):
        self.filter_sizes = list(filter_sizes)
        self.num_filters = num_filters
        super().__init__(**others)


class ClozelabMeanConfig(ClozelabConfig):
    """Mean of the embeddings."""

    model_type = "clozelab-mean"

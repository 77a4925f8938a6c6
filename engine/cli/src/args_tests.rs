//! Tests of the command line: the values that flags set, and one-line errors.

use super::*;
use protocol::RunConfig;

fn words(line: &str) -> Vec<OsString> {
    std::iter::once("clozelab")
        .chain(line.split_whitespace())
        .map(OsString::from)
        .collect()
}

fn pretrain(line: &str) -> (Common, Pretrain) {
    let Parsed::Run(arguments) = parse(words(line)).expect("valid") else {
        panic!("{line} is no task")
    };
    match *arguments {
        Arguments {
            common,
            task: Some(Task::Pretrain(pretrain)),
        } => (common, pretrain),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_clap_definition_is_consistent() {
    use clap::CommandFactory;
    Arguments::command().debug_assert();
}

#[test]
fn flags_set_the_configuration() {
    let line = "pretrain --corpus a.txt dir b.gz - --out o --preset bert-tiny --vocab-size 500 --lr 2e-3 --whole-word \
                --seed 3 --device cpu --steps 10 --checkpoint-every 5";
    let (common, pretrain) = pretrain(line);
    let mut config = RunConfig::default();
    common.settings.apply(&mut config).expect("valid");
    pretrain
        .training
        .settings
        .apply(&mut config)
        .expect("valid");
    let expected: Vec<(&str, String)> = [
        ("backend", "cpu"),
        ("seed", "3"),
        ("preset", "bert-tiny"),
        ("vocab-size", "500"),
        ("steps", "10"),
        ("lr", "0.002"),
        ("whole-word", "true"),
        ("checkpoint-every", "5"),
    ]
    .map(|(key, value)| (key, value.to_string()))
    .into();
    assert_eq!(config.pairs(), expected);
    assert_eq!(pretrain.corpus.len(), 4);
}

#[test]
fn common_flags_work_before_and_after_the_command() {
    assert!(pretrain("--json pretrain --corpus a --out o").0.json);
    assert!(pretrain("pretrain --corpus a --out o --json").0.json);
    assert!(matches!(parse(words("")), Ok(Parsed::Run(arguments)) if arguments.task.is_none()));
    for line in [
        "pretrain --resume --out o",
        "finetune --train t --from m --out o --resume",
    ] {
        assert!(matches!(parse(words(line)), Ok(Parsed::Run(_))), "{line}");
    }
}

#[test]
fn help_is_shown_and_not_an_error() {
    for line in ["--help", "pretrain --help", "--version", "fill-mask -h"] {
        assert!(matches!(parse(words(line)), Ok(Parsed::Show(_))), "{line}");
    }
}

#[test]
fn invalid_arguments_are_refused_in_one_line_with_a_hint() {
    let check = |line: &str, expected: &str| {
        let Err(Error::Input { message, hint, .. }) = parse(words(line)) else {
            panic!("{line} was accepted")
        };
        assert!(message.to_string().contains(expected), "{line}: {message}");
        assert!(
            !message.to_string().contains('\n')
                && !hint.to_string().contains('\n')
                && !hint.is_empty(),
            "{message}\n{hint}"
        );
    };
    check("pretran --corpus a --out o", "pretran");
    check("pretrain --corpus a", "--out");
    check("pretrain --out o", "--corpus");
    check(
        "pretrain --corpus a --out o --steps 5 --epochs 2",
        "--epochs",
    );
    check("pretrain --corpus a --out o --stepz 5", "--stepz");
    check("evaluate --model m", "--data");
    check("predict --model m --top-k many", "many");
    check("predict --model m --top-k 0", "from 1");
    check("fill-mask --model m text --top-k 0", "from 1");
    check("fill-mask --model m", "<TEXT>");
    check("inspect", "<DIR>");
}

#[test]
fn an_invalid_value_is_reported_with_its_flag() {
    let (_, pretrain) = pretrain("pretrain --corpus a --out o --preset huge");
    let error = pretrain
        .training
        .settings
        .apply(&mut RunConfig::default())
        .expect_err("refused");
    assert!(
        error
            .to_string()
            .starts_with("--preset: \"huge\" is not one of fast-nano"),
        "{error}"
    );
}

"""Which arguments belong to a hyperparameter, against argparse itself."""

from __future__ import annotations

import argparse
import contextlib
import io
import shlex

import attrs
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from hyperdrive_retrofit.commandline import CommandLine, parameters_in, read_command_line, words_of
from hyperdrive_retrofit.graph import InputPath, Joined, OutputPath, Parameter, Text
from hyperdrive_retrofit.script import ScriptFacts, read_script
from hyperdrive_retrofit.sweep import Expression, Hyperparameter

SCRIPT = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--lr", "--learning-rate", "-l", type=float, default=0.1)
parser.add_argument("--epochs", type=int, default=5)
parser.add_argument("--layers", nargs="+")
parser.add_argument("--betas", nargs=2)
parser.add_argument("--seed", nargs="?")
parser.add_argument("--verbose", "-v", action="store_true")
parser.add_argument("--quick", "-q", action="store_true")
parser.add_argument("--model")
parser.add_argument("data", nargs="?")
parser.parse_args()
"""


@pytest.fixture(scope="module")
def facts(tmp_path_factory):
    """Return what is read from the script above."""
    return facts_of(tmp_path_factory.mktemp("script"), SCRIPT)


def facts_of(folder, text: str) -> ScriptFacts:
    """Return what is read from a script."""
    (folder / "train.py").write_text(text)
    return read_script(folder, "train.py")


def space(*names: str) -> list[Hyperparameter]:
    """Return a space with these names."""
    return [Hyperparameter(name, Expression("choice", (1, 2))) for name in names]


def read(arguments, facts: ScriptFacts, *names: str) -> CommandLine:
    """Return the command line, read."""
    return read_command_line([pictured(argument) for argument in arguments], facts, space(*names))


def pictured(argument):
    """Return an argument as inspecting a step gives it."""
    return Text(str(argument)) if isinstance(argument, (str, int, float)) else argument


def left(arguments, facts: ScriptFacts, *names: str) -> list[str]:
    """Return what stays of arguments in which all is clear."""
    line = read(arguments, facts, *names)
    assert line.unclear == ()
    return [str(argument) for _, argument in line.without_tuned([pictured(argument) for argument in arguments])]


class TestWithoutTuned:
    @pytest.mark.parametrize(
        ("arguments", "names", "kept"),
        [
            (["--lr", 0.1, "--epochs", 3], ["lr"], ["--epochs", "3"]),
            (["--lr=0.1", "--epochs", 3], ["lr"], ["--epochs", "3"]),
            (["-l", 0.1, "--epochs", 3], ["lr"], ["--epochs", "3"]),
            (["-l0.1", "--epochs", 3], ["lr"], ["--epochs", "3"]),
            (["--learning-rate", 0.1, "--epochs", 3], ["lr"], ["--epochs", "3"]),
            (["--learning", 0.1, "--epochs", 3], ["lr"], ["--epochs", "3"]),
            (["--learn=0.1", "--epochs", 3], ["--lr"], ["--epochs", "3"]),
            (["--lr", 0.1, "--epochs", 3], ["learning-rate"], ["--epochs", "3"]),
            (["--lr 0.1", "--epochs", 3], ["lr"], ["--epochs", "3"]),
            (["--lr 0.1 --epochs 3"], ["lr"], ["--epochs 3"]),
            (["--epochs 3 --lr=0.1 -v"], ["lr"], ["--epochs 3 -v"]),
            (["--lr '0.1' --model 'a b'"], ["lr"], ["--model 'a b'"]),
            (["--lr", -0.1, "-v"], ["lr"], ["-v"]),
            (["--lr", "-1e-5", "-v"], ["lr"], ["-v"]),
            (["--lr", "-.5", "-v"], ["lr"], ["-v"]),
            (["--layers", 10, 20, 30, "--epochs", 3], ["layers"], ["--epochs", "3"]),
            (["--betas", 0.9, 0.99, "file.csv"], ["betas"], ["file.csv"]),
            (["--seed", "--epochs", 3], ["seed"], ["--epochs", "3"]),
            (["--seed", 1, "--epochs", 3], ["seed"], ["--epochs", "3"]),
            (["file.csv", "--lr", 0.1], ["lr"], ["file.csv"]),
            (["--lr", 0.1, "file.csv"], ["lr"], ["file.csv"]),
            (["--lr", 0.1, "--lr", 0.2, "-v"], ["lr"], ["-v"]),
            (["--lr", 0.1, "--epochs", 3], ["lr", "epochs"], []),
            (["--lr", 0.1, "--epochs", 3], ["quick"], ["--lr", "0.1", "--epochs", "3"]),
            (["--model", "--lr=0.1"], ["epochs"], ["--model", "--lr=0.1"]),
            (["-vq", "--lr", 0.1], ["lr"], ["-vq"]),
            (["--lr=0 1", "-v"], ["lr"], ["1", "-v"]),
            ([" --lr 0.5", "-v"], ["lr"], ["-v"]),
            (["--model", "--note is fun", "-v"], ["lr"], ["--model", "--note is fun", "-v"]),
            (["--model", "--note is fun", "-v"], ["model"], ["-v"]),
            (["--betas", "-1 2", "file.csv"], ["betas"], ["file.csv"]),
            ([], ["lr"], []),
        ],
    )
    def test_takes_out_every_spelling_and_no_more(self, facts, arguments, names, kept):
        """The fixed value of a hyperparameter goes in each spelling that the parser knows; all else stays."""
        assert left(arguments, facts, *names) == kept

    def test_placeholders_are_values(self, facts):
        """A PipelineParameter or a path may be the value of an option."""
        arguments = ["--lr", Parameter("rate", 0.1), "--model", OutputPath("model"), "--layers", InputPath("a")]
        assert left(arguments, facts, "lr", "layers") == ["--model", "<model>"]

    def test_positions_are_kept(self, facts):
        """What stays keeps its position in the original arguments."""
        line = read(["-v", "--lr", 0.1, "--epochs", 3], facts, "lr")
        arguments = [Text(word) for word in ("-v", "--lr", "0.1", "--epochs", "3")]
        assert line.without_tuned(arguments) == ((0, Text("-v")), (3, Text("--epochs")), (4, Text("3")))

    def test_pipeline_parameters_of_tuned_options_are_named(self, facts):
        """The PipelineParameters that go with their options can be listed."""
        arguments = ["--lr", Parameter("rate", 0.1), "--epochs", Parameter("epochs", 3)]
        assert parameters_in(read(arguments, facts, "lr").tuned) == ("rate",)

    def test_click_options_are_found(self, tmp_path):
        """A click script's options go too, and its arguments stay."""
        script = """
import click
@click.command()
@click.option("--lr", "-l", type=float)
@click.option("--sizes", nargs=2)
@click.argument("data")
def main(lr, sizes, data): ...
main()
"""
        facts = facts_of(tmp_path, script)
        assert left(["-l", 0.1, "--sizes", 1, 2, "data.csv"], facts, "lr", "sizes") == ["data.csv"]
        assert left(["--lr=0.1", "data.csv"], facts, "lr") == ["data.csv"]


class TestUnclear:
    @pytest.mark.parametrize(
        ("arguments", "names", "tokens"),
        [
            (["--l", 0.1], ["lr"], ["--l"]),
            (["--betas", 0.9], ["betas"], ["--betas"]),
            (["-v", "--", "--lr", 0.1], ["epochs"], ["--"]),
            (["--model", "--lr is fun"], ["lr"], ["--lr is fun"]),
            (["--betas", 0.9, "--lr is fun"], ["lr"], ["--lr is fun"]),
            (["--layers", 1, 2, "--lr", 0.1, "file.csv"], ["lr"], ["file.csv"]),
            (["--layers", 1, "--lr", 0.1, "--epochs", 3, "file.csv"], ["lr", "epochs"], ["file.csv"]),
            (["--seed", "--lr", 0.1, "file.csv"], ["lr"], ["file.csv"]),
            ([Joined((Text("--lr 0.1 --model "), OutputPath("model")))], ["lr"], ["--lr 0.1 --model <model>"]),
        ],
    )
    def test_never_a_guess(self, facts, arguments, names, tokens):
        """What cannot be told apart, or would be read otherwise without the fixed value, is named."""
        assert [token.text for token in read(arguments, facts, *names).unclear] == tokens

    @pytest.mark.parametrize(
        ("arguments", "names"),
        [
            (["-vq"], ["lr"]),
            (["-vl", 0.1, "file.csv"], ["lr"]),
            (["-vl0.1", "file.csv"], ["lr"]),
            (["--l", 0.1], ["epochs"]),
            (["--layers=1", "--lr", 0.1, "file.csv"], ["lr"]),
            (["--seed", 1, "--lr", 0.1, "file.csv"], ["lr"]),
            (["--betas", 1, 2, "--lr", 0.1, "file.csv"], ["lr"]),
            (["-v", "--", "file.csv"], []),
            (["--model", "it is -l or --epochs"], ["lr", "epochs"]),
        ],
    )
    def test_near_misses_are_clear(self, facts, arguments, names):
        """What cannot touch a hyperparameter stays, whatever it is."""
        assert read(arguments, facts, *names).unclear == ()

    @pytest.mark.parametrize(
        ("declared", "given", "replaced"),
        [
            ("type=float", ["-vl", 0.1, "a.csv"], True),
            ("type=float", ["-vvl0.1", "a.csv"], True),
            ("type=float, nargs='+'", ["a.csv", "-vl", 0.1, 0.2], True),
            ("type=float, action='append'", ["-vl", 0.1, "a.csv"], False),
        ],
    )
    def test_the_last_one_wins(self, tmp_path, declared, given, replaced):
        """One-letter flags put together with a hyperparameter's can stay when its child's own value replaces theirs."""
        text = (
            "import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('-v', action='count')\n"
            f"parser.add_argument('data')\nparser.add_argument('-l', '--lr', {declared})\n"
        )
        names: dict = {}
        exec(text, names)  # noqa: S102 - our own
        line = read(given, facts_of(tmp_path, text + "parser.parse_args()\n"), "lr")

        parsed = names["parser"].parse_args([*map(str, given), "--lr", "7"])

        assert (parsed.lr in (7, [7])) is replaced
        assert (line.unclear == ()) is replaced
        assert line.tuned == ()

    @pytest.mark.parametrize(
        ("declared", "arguments", "swallowing"),
        [
            ('"--rest", nargs=argparse.REMAINDER', ["--lr", 0.1, "--rest", "--lr", 0.2], ["--rest"]),
            ('"--rest", nargs="..."', ["--rest"], ["--rest"]),
            ('"rest", nargs=argparse.REMAINDER', ["--lr", 0.1, "go", "--lr", 0.2], ["go"]),
            ('"rest", nargs=argparse.REMAINDER', ["--lr", 0.1], []),
            ('"--rest", nargs=argparse.REMAINDER', ["--rest=x", "--lr", 0.1], []),
        ],
    )
    def test_what_takes_all_that_follows(self, tmp_path, declared, arguments, swallowing):
        """nargs=REMAINDER takes what HyperDrive appends, as argparse itself shows."""
        parser = argparse.ArgumentParser()
        parser.add_argument("--lr")
        eval(f"parser.add_argument({declared})", {"parser": parser, "argparse": argparse})  # noqa: S307
        text = f"import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('--lr')\nparser.add_argument({declared})\nparser.parse_args()\n"
        line = read(arguments, facts_of(tmp_path, text), "lr")
        assert [token.text for token in line.swallowing] == [token.text for token in line.unclear] == swallowing
        assert (parser.parse_args([*map(str, arguments), "--lr", "7"]).lr == "7") is (not swallowing)

    def test_unreadable_script_with_one_value_is_plain(self):
        """Without a parser an option and at most one value behind it can still be told."""
        facts = ScriptFacts("train.py", problem="no such file")
        assert left(["--lr", 0.1, "--epochs", 3], facts, "lr") == ["--epochs", "3"]
        assert left(["--epochs", 3, "--lr=0.1"], facts, "lr") == ["--epochs", "3"]
        assert left(["--epochs", 3, "--lr"], facts, "lr") == ["--epochs", "3"]

    def test_unreadable_script_with_more_values_is_unclear(self):
        """Without a parser it cannot be told whether a second value belongs to the option."""
        facts = ScriptFacts("train.py", problem="no such file")
        assert [token.text for token in read(["--lr", 0.1, "data.csv"], facts, "lr").unclear] == ["--lr"]


class TestDestOf:
    def test_option_value_positional_and_joined(self, facts):
        """An output's path is found as a value, in the option's own token, and as a positional."""
        joined = Joined((Text("--model="), OutputPath("out")))
        assert read(["--model", OutputPath("out")], facts).dest_of(OutputPath("out")) == "model"
        assert read([joined], facts).dest_of(OutputPath("out")) == "model"
        assert read(["--lr", 0.1, OutputPath("out")], facts).dest_of(OutputPath("out")) is None
        assert read(["--model", OutputPath("out")], facts).dest_of(OutputPath("other")) is None
        assert read(["--model", InputPath("out")], facts).dest_of(OutputPath("out")) is None

    def test_positionals_go_in_order(self, tmp_path):
        """Positionals that take one value each are told apart by their order."""
        facts = facts_of(
            tmp_path,
            "import argparse\np = argparse.ArgumentParser()\np.add_argument('a')\np.add_argument('b')\np.parse_args()\n",
        )
        line = read([InputPath("x"), OutputPath("y")], facts)
        assert (line.dest_of(InputPath("x")), line.dest_of(OutputPath("y"))) == ("a", "b")

    def test_positionals_behind_an_unknown_option_are_not_guessed(self, tmp_path):
        """A value behind an unknown option may be a positional or not."""
        script = "import argparse\np = argparse.ArgumentParser()\np.add_argument('a')\np.add_argument('b')\np.parse_known_args()\n"
        line = read(["--what", InputPath("x"), OutputPath("y")], facts_of(tmp_path, script))
        assert line.dest_of(OutputPath("y")) is None


def test_words_of_one_argument():
    """Only a text that begins with an option is taken apart; an open quote leaves it whole."""
    assert words_of(Text("--lr 0.1")) == ["--lr", "0.1"]
    assert words_of(Text("a b")) == ["a b"]
    assert words_of(Text("--note it's")) == ["--note it's"]
    assert words_of(OutputPath("model")) == [None]
    assert words_of(Joined((Text("--m="), OutputPath("model")))) == ["--m=<model>"]
    assert words_of(Joined((OutputPath("model"), Text("/x")))) == [None]


# --- the heart: argparse reads a child's command line as it read the old one, but for the hyperparameters


@attrs.frozen
class Declared:
    """One ``add_argument`` call."""

    names: tuple[str, ...]
    settings: tuple[tuple[str, object], ...]

    @property
    def positional(self) -> bool:
        """Whether it is given by position."""
        return not self.names[0].startswith("-")

    @property
    def takes(self) -> object:
        """How many values it takes."""
        settings = dict(self.settings)
        return 0 if settings.get("action") in ("store_true", "count") else settings.get("nargs", 1)

    def __str__(self) -> str:
        settings = "".join(f", {name}={value!r}" for name, value in self.settings)
        return f"parser.add_argument({', '.join(map(repr, self.names))}{settings})"


LONG_NAMES = ("lr", "lr-decay", "learning-rate", "learn", "epochs", "epsilon", "out", "out-dir", "verbose", "v1")
VALUES = st.sampled_from(["1", "0.1", "-1", "-0.5", "x", "a b", "", "-", "data.csv", "k=v", "--lr-like value", "lr"])


@st.composite
def declarations(draw) -> list[Declared]:
    """Draw the options and positionals of a parser."""
    longs = draw(st.lists(st.sampled_from(LONG_NAMES), min_size=1, max_size=6, unique=True))
    shorts = draw(st.permutations("leovxn1"))
    found = []
    for index, long in enumerate(longs):
        names = draw(
            st.sampled_from([(f"--{long}",), (f"--{long}", f"-{shorts[index]}"), (f"--{long}", f"--{long}-too")])
        )
        kind = draw(st.sampled_from(["one", "one", "one", "?", "*", "+", 2, "flag", "count", "append"]))
        settings: dict[str, object] = {"default": "d"}
        if kind == "flag":
            settings = {"action": "store_true"}
        elif kind == "count":
            settings = {"action": "count", "default": 0}
        elif kind == "append":
            settings = {"action": "append"}
        elif kind != "one":
            settings["nargs"] = kind
        found.append(Declared(names, tuple(settings.items())))
    for index in range(draw(st.integers(0, 2))):
        nargs = draw(st.sampled_from([None, None, "?", "*", "+", 2]))
        found.append(Declared((f"pos{index}",), (("nargs", nargs),) if nargs else ()))
    return draw(st.permutations(found))


@st.composite
def command_lines(draw, declared: list[Declared]) -> list[str]:
    """Draw arguments in all spellings; argparse itself decides later whether they make sense."""
    arguments: list[str] = []
    for item in draw(st.lists(st.sampled_from(declared), max_size=6)):
        if item.positional:
            arguments.append(draw(VALUES))
            continue
        name = draw(st.sampled_from(item.names))
        if name.startswith("--"):
            name = name[: draw(st.integers(min(4, len(name)), len(name)))]
        least = item.takes if isinstance(item.takes, int) else {"?": 0, "*": 0, "+": 1}[str(item.takes)]
        most = item.takes if isinstance(item.takes, int) else {"?": 1, "*": 3, "+": 3}[str(item.takes)]
        values = draw(st.lists(VALUES, min_size=least, max_size=most))
        style = draw(st.sampled_from(["apart", "apart", "inline", "one text"]))
        if style == "inline" and len(values) == 1:
            glue = "=" if name.startswith("--") else ""
            words = [f"{name}{glue}{values[0]}"]
        else:
            words = [name, *values]
        arguments += [shlex.join(words)] if style == "one text" and len(words) > 1 else words
    if draw(st.booleans()):
        arguments.insert(draw(st.integers(0, len(arguments))), draw(VALUES))
    return arguments


def as_the_service_splits(arguments: list[str]) -> list[str]:
    """Return the words that the script sees."""
    return [word for argument in arguments for word in (words_of(Text(argument)) if argument else [""])]


def parser_of(declared: list[Declared]) -> argparse.ArgumentParser:
    """Return the real parser."""
    parser = argparse.ArgumentParser(add_help=False)
    exec("\n".join(map(str, declared)), {"parser": parser})  # noqa: S102 (the very text that is read as a script)
    return parser


def script_of(declared: list[Declared]) -> str:
    """Return a script with the same parser."""
    lines = [
        "import argparse",
        "parser = argparse.ArgumentParser(add_help=False)",
        *map(str, declared),
        "parser.parse_args()",
    ]
    return "\n".join(lines)


def parsed(parser: argparse.ArgumentParser, words: list[str]) -> dict[str, object] | None:
    """Return what argparse reads, None when it refuses."""
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            return vars(parser.parse_args(words))
    except SystemExit:
        return None


@st.composite
def cases(draw) -> tuple[list[Declared], list[str], list[Declared]]:
    """Draw a parser, arguments, and the options to be tuned."""
    declared = draw(declarations())
    options = [item for item in declared if not item.positional]
    return (
        declared,
        draw(command_lines(declared)),
        draw(st.lists(st.sampled_from(options), min_size=1, max_size=3, unique=True)),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder for scripts."""
    return tmp_path_factory.mktemp("parsers")


LR = Declared(("--lr", "-l"), (("default", "d"),))
LAYERS = Declared(("--layers",), (("nargs", "+"),))
SEED = Declared(("--seed",), (("nargs", "?"),))
DATA = Declared(("data",), ())
SOME, MORE = Declared(("some",), (("nargs", "+"),)), Declared(("more",), (("nargs", "+"),))


@settings(max_examples=300, suppress_health_check=[HealthCheck.filter_too_much])
@given(case=cases())
@example(case=([LR, LAYERS, DATA], ["--layers", "1", "--lr", "0.1", "x"], [LR]))
@example(case=([LR, SEED, DATA], ["--seed", "--lr=0.1", "x"], [LR]))
@example(case=([LR, DATA], ["--lr", "0.1", "--", "x"], [LR]))
@example(case=([LR, SOME, MORE], ["1", "--lr", "0.1", "2", "3"], [LR]))
def test_a_child_reads_all_but_the_tuned_options_as_before(folder, case):
    """Without the tuned tokens argparse gives the same namespace but for the tuned dests, which have their defaults."""
    declared, arguments, tuned = case
    parser = parser_of(declared)
    before = parsed(parser, as_the_service_splits(arguments))
    assume(before is not None)
    facts = facts_of(folder, script_of(declared))
    assert facts.options_complete
    line = read(arguments, facts, *(item.names[0] for item in tuned))
    assume(not line.unclear)
    kept = [str(argument) for _, argument in line.without_tuned([Text(argument) for argument in arguments])]
    words = as_the_service_splits(kept)
    dests = {item: facts.option(item.names[0]).dest for item in tuned}
    after = parsed(parser, words)
    assert after == {**before, **{dest: parser.get_default(dest) for dest in dests.values()}}
    appended = {
        item: "7" if dict(item.settings).get("action") != "append" else ["7"]
        for item in tuned
        if item.takes in (1, "?")
    }
    child = parsed(parser, [*words, *(word for item in appended for word in (item.names[0], "7"))])
    assert child == {**after, **{dests[item]: value for item, value in appended.items()}}


@settings(max_examples=150)
@given(data=st.data())
def test_exact_spellings_are_always_clear(folder, data):
    """Options in their full spelling, with as many values as they take and nothing positional, are never refused."""
    declared = [item for item in data.draw(declarations()) if not item.positional]
    arguments = []
    for item in data.draw(st.lists(st.sampled_from(declared), max_size=6)):
        count = item.takes if isinstance(item.takes, int) else 1
        arguments += [item.names[0], *["1"] * count]
    tuned = data.draw(st.sampled_from(declared))
    kept = left(arguments, facts_of(folder, script_of(declared)), tuned.names[0])
    assert tuned.names[0] not in kept


ABSL = """
from absl import app, flags
flags.DEFINE_float("lr", 0.1, "", short_name="l")
flags.DEFINE_bool("shuffle", True, "")
flags.DEFINE_string("model", None, "")
app.run(print)
"""
FIRE = """
import fire
def train(data, lr=0.1, batch_size=1, model="", verbose=False):
    pass
fire.Fire(train)
"""
COMMANDS = """
import typer
app = typer.Typer()
@app.command()
def fit(lr: float = 0.1, model: str = "model"):
    pass
@app.command()
def score(lr: bool = False):
    pass
app()
"""
ARGV = "import sys\nprint(sys.argv[1], sys.argv[2])\n"


class TestOtherParsers:
    """What absl, fire and typer take as an option, tried with them."""

    @pytest.mark.parametrize(
        ("script", "name", "arguments", "left"),
        [
            (ABSL, "lr", ["--lr", 0.1, "--model", "m"], ["--model", "m"]),
            (ABSL, "lr", ["--lr=0.1", "--model", "m"], ["--model", "m"]),
            (ABSL, "lr", ["-lr", 0.1, "--model", "m"], ["--model", "m"]),
            (ABSL, "lr", ["-l=0.1", "--model", "m"], ["--model", "m"]),
            (ABSL, "shuffle", ["--noshuffle", "m"], ["m"]),
            (FIRE, "lr", ["data.csv", "--lr", 0.1], ["data.csv"]),
            (FIRE, "lr", ["data.csv", "-lr", 0.1, "--model=m"], ["data.csv", "--model=m"]),
            (FIRE, "lr", ["data.csv", "-l", 0.1], ["data.csv"]),
            (FIRE, "batch_size", ["data.csv", "--batch-size", 8], ["data.csv"]),
            (FIRE, "batch-size", ["data.csv", "--batch_size=8"], ["data.csv"]),
            (FIRE, "verbose", ["data.csv", "--verbose", "--lr", 0.1], ["data.csv", "--lr", "0.1"]),
            (COMMANDS, "lr", ["fit", "--lr", 0.1, "--model", "m"], ["fit", "--model", "m"]),
            (COMMANDS, "lr", ["score", "--lr", "m"], ["score", "m"]),
        ],
    )
    def test_every_spelling(self, script, name, arguments, left, tmp_path):
        """A hyperparameter's fixed value is taken out in each spelling that the parser knows."""
        line = read(arguments, facts_of(tmp_path, script), name)

        assert line.unclear == ()
        pictures = [pictured(argument) for argument in arguments]
        assert left == [argument.value for _, argument in line.without_tuned(pictures)]

    @pytest.mark.parametrize("arguments", [["-l0.1"], ["--l", 0.1, "--model", "m"]])
    def test_absl_knows_no_beginnings(self, arguments, tmp_path):
        """Absl takes neither a value glued to a letter nor the beginning of a long name."""
        facts = facts_of(tmp_path, ABSL.replace(', short_name="l"', "").replace('"lr"', '"learning_rate"'))

        assert read(arguments, facts, "learning_rate").tuned == ()

    def test_words_by_position(self, tmp_path):
        """The words of sys.argv are found where they stand."""
        line = read(["data.csv", OutputPath("model")], facts_of(tmp_path, ARGV))

        assert line.dest_of(OutputPath("model")) == "argv[2]"
